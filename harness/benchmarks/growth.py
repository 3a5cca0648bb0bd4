"""Measure how the time of commands grows with the number of cells: `bench speed growth`.

The records and cells are artificial, in a separate folder, with fifty methods for each task. Times are CPU seconds,
including child processes, because the wall clock of a busy machine is unreliable. The growth is given as the power
between the last two sizes: 1 is linear.
"""

from __future__ import annotations

import math
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from harness.benchmarks.record import Options, at_most, record, row
from harness.errors import BenchError
from harness.files import write_text
from harness.plan.outline import Outline, outlines
from harness.plan.pipelines import write_pipelines
from harness.report.records.measured import Record
from harness.run.record import Record as Made
from harness.schema import Head, Metric, Resolved
from harness.store import PANELS
from harness.yaml_text import dump

SIZES = (60, 250, 1000, 2000)
QUICK = (20, 60)
DRAWN = 1000  # the most cells for which a whole report is drawn
TASK = 50  # methods of a task
SEEDS, STEPS = 5, 10
AIMS = {"list": 3.0, "evaluate": 8.0, "report after one changed cell": 10.0}  # CPU s at AIMED cells
AIMED = 1000
LINEAR = 1.1  # the largest power that counts as linear
METHOD = {
    "algorithm": "critic",
    "loss": "non_saturating",
    "net": {"kind": "mlp", "width": 4, "depth": 1},
    "batch": 8,
    "critic_optimizer": {"name": "adam", "lr": 1e-3},
}
METRIC = Metric(higher_is_better=False, floor=1.0, label="error", headline=True, manifest=None)


def measure(options: Options) -> Iterator[Record]:
    sizes = QUICK if options.quick else SIZES
    options = replace(options, pairs=1)  # CPU seconds vary little, and once through all sizes takes seven minutes
    spent = {size: _of_size(size) for size in sizes}
    rows = [
        row(f"{name}, {size} cells", "CPU s", [seconds], aim=_aim(name, size))
        for size in sizes
        for name, seconds in spent[size].items()
    ]
    small, large = sizes[-2:]
    for name in spent[small].keys() & spent[large].keys():
        power = math.log(spent[large][name] / spent[small][name]) / math.log(large / small)
        rows.append(row(f"{name}, growth", "power", [power], aim=at_most(LINEAR, "ours")))
    settings = {"seeds of a cell": SEEDS, "methods of a task": TASK}
    yield record(options, "growth", "What more cells cost", rows, settings)


def _aim(name: str, size: int) -> dict[str, Any] | None:
    return at_most(AIMS[name], "ours") if size == AIMED and name in AIMS else None


def _of_size(size: int) -> dict[str, float]:
    """Return the CPU seconds of each command; for one that remembers results, those of its second run."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        cells = _tree(root, size)
        _bench(root, "list")
        found = {"list": _bench(root, "list"), "evaluate": _bench(root, "evaluate")}
        found["dvc status"] = _dvc_status(root, cells)
        if size <= DRAWN:
            found["whole report"] = _bench(root, "report")
            _write(root, cells[-1], shift=0.5)  # not the baseline, which is in the figure of every method of its task
            _bench(root, "evaluate")
            found["report after one changed cell"] = _bench(root, "report")
        for name, seconds in found.items():
            print(f"  {size} cells, {name}: {seconds:.3g} CPU s", flush=True)
        return found


def _bench(root: Path, command: str) -> float:
    """Return the CPU seconds of a command and its children. Raises BenchError if it fails."""
    return _run(root, "harness", "--root", str(root), command)


def _dvc_status(root: Path, cells: list[Outline]) -> float:
    """Return the CPU seconds of `dvc status` for cells whose stages are up to date."""
    for task in {cell.task for cell in cells}:
        write_text(root / f"results/keys/{task}/prepare.json", "{}\n")
    panels = [cell.folder(root) / PANELS for cell in cells]  # of their stages, but the artificial records have none
    for cell, path in zip(cells, panels, strict=True):
        write_text(root / f"results/keys/{cell.task}/{cell.name}.json", "{}\n")
        write_text(path, "\n")
    _run(root, "dvc", "init", "--no-scm", "--quiet")
    _run(root, "dvc", "commit", "--force", "--quiet")
    spent = _run(root, "dvc", "status", "--quiet")  # which fails if a stage has changed
    for path in panels:
        path.unlink()
    return spent


def _run(root: Path, *words: str) -> float:
    """Return the CPU seconds of a module that is run in `root`, and of its children."""
    before, line = os.times(), [sys.executable, "-m", *words]
    done = subprocess.run(line, cwd=root, capture_output=True, encoding="utf-8", errors="replace", check=False)
    after = os.times()
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise BenchError(f"{' '.join(words)} failed: {said}")
    return after.children_user + after.children_system - before.children_user - before.children_system


def _tree(root: Path, size: int) -> list[Outline]:
    """Write the parameters and records of `size` cells below `root`."""
    tasks = [f"task_{k}" for k in range(-(-size // TASK))]
    block = {"family": "gaussians", "seeds": list(range(SEEDS)), "steps": STEPS, "evaluations": 2, "log_points": 2}
    like = {f"method_{k}": {"like": "method_0", "batch": 8 + k} for k in range(1, TASK)}
    full = {"method_0": METHOD | {"batch": 8}} | like
    methods = {task: dict(islice(full.items(), size - TASK * place)) for place, task in enumerate(tasks)}
    params = {
        "preset": "laptop",
        "protocol": 1,
        "tasks": dict.fromkeys(tasks, block),
        "methods": methods,
        "report": {"baseline": dict.fromkeys(tasks, "method_0")},
    }
    write_text(root / "params.yaml", dump(params))
    write_text(root / "results/claims.yaml", "[]\n")
    (root / ".scratch").mkdir()  # training leaves one, in which commands remember what they have read
    write_pipelines(root, params)
    cells = outlines(root).cells
    for cell in cells:
        write_text(root / f"results/data/{cell.task}.json", '{"data_hash": "0000000000000000"}\n')
        _write(root, cell)
    return cells


def _write(root: Path, cell: Outline, shift: float = 0.0) -> None:
    """Write a record as training leaves it, with random scores.

    shift: a number that is added to the scores.
    """
    draw = random.Random(f"{cell}").random
    finished = dict.fromkeys(cell.seeds, "finished")
    resolved = Resolved(task=cell.task_params, method=cell.method_params)
    head = Head(
        protocol=cell.protocol,
        preset=cell.preset,
        task=cell.task,
        method=cell.method,
        cell=cell.name,
        family=cell.family,
        algorithm=cell.algorithm,
        tier="bit-exact",
        ablation=None,
        params=resolved,
        seeds=cell.seeds,
        blocks=cell.blocks,
        steps=cell.steps,
        training_key="0" * 16,
        scoring_key="0" * 16,
        data_hash="0" * 16,
        status=finished,
        state_hashes={0: {1: "0" * 16}},
        metrics={"error": METRIC},
        manifests={},
        references={},
    )
    environment = {"commit": None, "why": "made up", "device": "", "python": "", "torch": "", "numpy": "", "threads": 1}
    made = Made(head, provenance={"environment": environment | {"cpu_capability": ""}, "scoring_seconds": 0.0})
    made.provenance["training_seconds"] = {0: 0.0}
    for seed in cell.seeds:
        for step in (cell.steps // 2, cell.steps):
            made.scores.append((cell.task, cell.name, seed, step, "error", draw() + shift))
            made.curves.append({"seed": seed, "step": step, "loss_critic": draw()})
    made.write(cell.folder(root))
