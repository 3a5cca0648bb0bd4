"""Prepare a task: load its data and evaluators once, hash them, and write the manifest."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from harness.errors import BenchError, unknown
from harness.files import write_bytes
from harness.places.score import encoder_of
from harness.places.train import load_task
from harness.plan import needs
from harness.plan.identity import DATA
from harness.plan.plan import Cell, Plan
from harness.run.record import to_json


def prepare(root: Path, plan: Plan, task_name: str) -> Path:
    """Write results/data/<task>.json; train the encoder if it is one that is trained here and its file is missing."""
    params = {c.task: c.task_params for c in plan.cells}
    if task_name not in params:
        raise BenchError(unknown(f"task {task_name}", task_name, params))
    task = load_task(root, task_name, params[task_name])
    manifest = {"task": task_name, "data_hash": task.data_hash, "shape": list(task.spec.shape)} | task.facts()
    if task.params.encoder and (weights := task.params.score.encoder_weights) and not Path(weights).exists():
        from harness.metrics.encoders.catalogue import encoder_class

        encoder_class(task.params.encoder).make(Path(weights), task)
    encoder = encoder_of(task)
    if encoder is not None:
        from harness.metrics.reference import real_side

        real = real_side(task, encoder, scratch=root / ".scratch")
        manifest |= {"manifest": real.manifest(), "references": real.references, "floor": real.floor}
    path = root / DATA / f"{task_name}.json"
    write_bytes(path, to_json(manifest))
    return path


def prepare_missing(root: Path, plan: Plan, cells: Iterable[Cell]) -> list[Path]:
    """Prepare the tasks of `cells` that were never prepared, and return their manifests.

    Tasks that take demonstrations are left to `harness.places.cells`, which prepares them when their expert has run;
    a cell that is trained alone has no such order. Raises BenchError if an expert that is not among the cells is
    missing.
    """
    cells = list(cells)
    coming = {needs.label(cell) for cell in cells}
    made = []
    for task, source in {cell.task: needs.demonstrations(cell.task_params) for cell in cells}.items():
        if source and source not in coming:
            needs.path(root, source)  # raises if it is missing
        if (source is None or len(cells) == 1) and not (root / DATA / f"{task}.json").is_file():
            made.append(prepare(root, plan, task))
    return made
