"""Make a cell's record from the snapshots of its training. Scoring trains nothing and changes no training draw."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.contracts import BenchError, Method, Score, Task
from harness.metrics.evaluate import evaluate
from harness.plan import needs
from harness.plan.identity import block_folder, identity, keys_of
from harness.plan.plan import Cell
from harness.run import checkpoint
from harness.run.device import pick_device
from harness.run.record import Record
from harness.run.seeds import CounterDraws
from harness.run.train import Run, Schedule
from harness.schema import Head, Metric, Resolved, Tier

Fresh = Callable[[tuple[int, ...]], tuple[Method, CounterDraws]]
EVALUATION_STEP = 0  # all methods and all checkpoints get the same latents and codes


def score_cell(root: Path, cell: Cell, task: Task, fresh: Fresh) -> Record:
    """Score every block of a cell and return its record.

    fresh: a function from the seeds of a block to an untrained method with its draws, into which snapshots are loaded.
    """
    record = Record(_head(root, cell, task), artefacts={} if "artefacts" in task.writes else None)
    params = cell.task_params
    points = Schedule(params.steps, params.log_points, params.evaluations).evaluated()
    encoder = encoder_of(task)
    for index, seeds in enumerate(cell.blocks):
        folder = block_folder(root, cell, seeds)
        names = {**identity(root, cell), "seeds": list(seeds)}
        run = _trained(folder, names, cell)
        method, draws = fresh(seeds)
        for step in points:
            path, like = checkpoint.snapshot_path(folder, step), {"method": method.state_dict()}
            method.load_state_dict(_read(path, names, cell, like)["method"])
            last = step == points[-1]
            result = evaluate(
                task, method.outputs(), draws.at(EVALUATION_STEP), encoder, last, scratch=root / ".scratch"
            )
            _add_scores(record, cell, seeds, step, result.scores, run)
        _add_end(record, cell, index, seeds, run, result)
        record.head.manifests |= result.manifests
        if index == 0:
            record.sheet = result.sheet
        if record.artefacts is not None:
            needs.collect(record.artefacts, method.artefacts(), index)
    return record


def _head(root: Path, cell: Cell, task: Task) -> Head:
    """Return the head without what the blocks will add."""
    keys = keys_of(root, cell)
    return Head(
        protocol=cell.protocol,
        preset=cell.preset,
        task=cell.task,
        method=cell.method,
        cell=cell.name,
        family=cell.family,
        algorithm=cell.algorithm,
        tier=tier(task, pick_device()),
        ablation=cell.ablation,
        params=Resolved(
            task=cell.task_params.model_dump(mode="json"), method=cell.method_params.model_dump(mode="json")
        ),
        seeds=cell.seeds,
        blocks=tuple(cell.blocks),
        steps=cell.task_params.steps,
        training_key=keys.training,
        scoring_key=keys.scoring,
        data_hash=task.data_hash,
        status={},
        state_hashes={},
        metrics={},
        manifests={},
        references={},
    )


def tier(task: Task, device: torch.device) -> Tier:
    """Return how far a second run may differ: not at all, not on the same device, or within chance."""
    if task.statistical:
        return "statistical"
    return "bit-exact" if device.type == "cpu" else "same-device exact"


def encoder_of(task: Task) -> Any:
    """Return the encoder that an image task names, on the device that trains; None for other tasks."""
    if task.params.encoder is None:
        return None
    from harness.metrics.encoders.catalogue import load

    score = task.params.score
    return load(score.encoder, score.encoder_weights, pick_device().type, score.encoder_precision)


def _trained(folder: Path, names: dict[str, Any], cell: Cell) -> Run:
    state = _read(folder / checkpoint.CHECKPOINT, names, cell)
    if state["run"]["step"] < cell.task_params.steps:
        raise BenchError(f"{cell} is not trained to its end: run `{cell.command}`")
    return Run(**state["run"])


def _read(path: Path, names: dict[str, Any], cell: Cell, like: dict[str, Any] | None = None) -> dict[str, Any]:
    try:
        return checkpoint.load(path, names, like)
    except checkpoint.Refused as error:
        raise BenchError(f"{error}: run `bench train {cell.task} {cell.name}`, which makes it again") from None


def _add_scores(
    record: Record, cell: Cell, seeds: tuple[int, ...], step: int, scores: dict[str, Score], run: Run
) -> None:
    """Add the scores of a step; a seed that diverged by then, or whose score is not finite, gets the floor score."""
    for name, score in scores.items():
        if not np.isfinite(score.floor):
            raise BenchError(
                f"{cell}: the metric {name} has the floor {score.floor}: return the finite score of a run that failed"
            )
        for place, seed in enumerate(seeds):
            value = float(score.values[place])
            if run.died.get(place, step + 1) <= step or not np.isfinite(value):
                value = float(score.floor)
            record.scores.append((cell.task, cell.name, seed, step, name, value))


def _add_end(record: Record, cell: Cell, index: int, seeds: tuple[int, ...], run: Run, result: Any) -> None:
    head = record.head
    head.state_hashes[index] = dict(run.hashes)
    for name, score in result.scores.items():
        head.metrics[name] = Metric(
            higher_is_better=score.higher_is_better,
            floor=float(score.floor),
            label=score.label,
            headline=score.headline,
            manifest=result.manifest_ids.get(name),
        )
        if score.references:
            head.references[name] = {k: float(v) for k, v in score.references.items()}
    for place, seed in enumerate(seeds):
        if place in run.died:
            head.status[seed] = f"diverged at step {run.died[place]}"
        else:
            head.status[seed] = "collapsed" if result.collapsed[place] else "finished"
        for step, logs in run.curves:
            if step < run.died.get(place, step + 1):
                record.curves.append({"seed": seed, "step": step} | {k: float(v[place]) for k, v in logs.items()})
        for panel, x, y in result.panels:
            record.panels += [(seed, panel, float(a), float(b)) for a, b in zip(x, y[place])]
    for name, value in (("training_seconds", run.seconds), ("training_cpu_seconds", run.cpu_seconds)):
        record.provenance.setdefault(name, {})[str(index)] = round(value, 2)
    if run.mode != "eager":
        record.provenance.setdefault("updates", {})[str(index)] = run.mode
