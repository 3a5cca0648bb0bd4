"""Make the part of a cell's record that belongs to one block, which is trained and scored in one go.

Each scored step is scored as soon as it is reached, and its snapshot is removed, because those of a large net would
fill the disk. The scores are computed by `harness.places.score`, whose code is in the scoring key; this file only calls
it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch

from harness.contracts import BenchError, Method, Score
from harness.metrics.evaluate import Result, evaluate
from harness.places import score
from harness.places.progress import Progress
from harness.places.pulse import Pulse
from harness.places.train import build_task, environment, fresh, train_block
from harness.plan import needs
from harness.plan.identity import Keys, block_folder, identity, keys_of
from harness.plan.plan import Cell
from harness.run import checkpoint
from harness.run.device import pick_device
from harness.run.record import Record
from harness.run.signals import Stopped
from harness.run.train import Schedule


@dataclass(frozen=True)
class UpTo(Schedule):
    """The schedule of a whole run that ends at one of its scored steps, of which earlier ones were scored already."""

    every: int = 1
    last: int = 0

    def logged(self, step: int) -> bool:
        return step == self.last or step % self.every == 0

    def evaluated(self) -> list[int]:
        return [self.steps]


def make_part(
    root: Path, cell: Cell, index: int, keys: Keys, pulse: Pulse, stop: Callable[[], bool] = lambda: False
) -> Record:
    """Train a block if it is not trained yet, score it, and return the record of the cell with only this block.

    Raises BenchError if this machine computes other keys, and Stopped at a checkpoint once `stop` returns true.

    root: the project's folder.
    cell: the cell.
    index: the index of the block.
    keys: the keys on the machine that asks.
    pulse: the pulse to beat at each step.
    stop: a function that returns whether to stop.
    """
    here = keys_of(root, cell)
    for name, ours, theirs in zip(Keys._fields, here, keys):
        if ours != theirs:
            raise BenchError(f"the {name} key of {cell} is {ours} here, not {theirs}: other code or prepared data")
    run = Block(root, cell, index)
    record = Record(score._head(root, cell, run.task), artefacts={} if "artefacts" in run.task.writes else None)
    shown = Progress(f"{cell} seeds {run.seeds[0]}-{run.seeds[-1]}", cell.task_params.steps, pulse)
    *before, end = _whole(cell).evaluated()
    seconds = 0.0
    for step in before:
        if not run.kept(step, keys):
            _train(run, step, shown, stop)
            started = time.monotonic()
            run.keep(step, keys, run.evaluated(step)[0].scores)
            seconds += time.monotonic() - started
    _train(run, end, shown, stop)
    trained, started = score._trained(run.folder, run.names, cell), time.monotonic()
    result, method = run.evaluated(end, endpoint=True)
    for step in before:
        score._add_scores(record, cell, run.seeds, step, run.kept(step, keys), trained)
    score._add_scores(record, cell, run.seeds, end, result.scores, trained)
    score._add_end(record, cell, index, run.seeds, trained, result)
    record.head.manifests |= result.manifests
    record.sheet = result.sheet if index == 0 else None  # as for a cell that is scored as a whole
    if record.artefacts is not None:
        needs.collect(record.artefacts, method.artefacts(), index)
    seconds += time.monotonic() - started
    record.provenance |= {"environment": environment(pick_device()), "scoring_seconds": round(seconds, 2)}
    return record


class Kept(NamedTuple):
    """The scores of a step: values [S], and the floor score of a failed run."""

    values: list[float]
    floor: float


class Block:
    """A block of seeds in its folder, with the scores of each of its scored steps."""

    def __init__(self, root: Path, cell: Cell, index: int):
        self.root, self.cell, self.index, self.seeds = root, cell, index, cell.blocks[index]
        self.folder = block_folder(root, cell, self.seeds)
        self.names = {**identity(root, cell), "seeds": list(self.seeds)}
        self.task = build_task(root, cell)
        self.encoder = score.encoder_of(self.task)

    def evaluated(self, step: int, endpoint: bool = False) -> tuple[Result, Method]:
        method, draws = fresh(self.cell, self.task, self.seeds)
        path, like = checkpoint.snapshot_path(self.folder, step), {"method": method.state_dict()}
        method.load_state_dict(score._read(path, self.names, self.cell, like)["method"])
        draws = draws.at(score.EVALUATION_STEP)
        scratch = self.root / ".scratch"
        return evaluate(self.task, method.outputs(), draws, self.encoder, endpoint, scratch=scratch), method

    def keep(self, step: int, keys: Keys, scores: dict[str, Score]) -> None:
        """Write the scores of a step in place of its snapshot."""
        state = {
            name: {"values": torch.as_tensor([float(v) for v in one.values], dtype=torch.float64), "floor": one.floor}
            for name, one in scores.items()
        }
        checkpoint.save(self._scores(step), self.names | {"scoring": keys.scoring}, state)
        checkpoint.snapshot_path(self.folder, step).unlink(missing_ok=True)

    def kept(self, step: int, keys: Keys) -> dict[str, Any]:
        """Return the scores that `keep` wrote under the same keys; {} if there are none."""
        try:
            state = checkpoint.load(self._scores(step), self.names | {"scoring": keys.scoring})
        except checkpoint.Refused:
            return {}
        return {name: Kept(one["values"].tolist(), float(one["floor"])) for name, one in state.items()}

    def _scores(self, step: int) -> Path:
        return self.folder / f"scores-{step}.pt"


def _train(run: Block, step: int, shown: Progress, stop: Callable[[], bool]) -> None:
    if not train_block(run.root, run.cell, run.index, schedule=_up_to(run.cell, step), progress=shown, stop=stop):
        raise Stopped


def _whole(cell: Cell) -> Schedule:
    params = cell.task_params
    return Schedule(params.steps, params.log_points, params.evaluations)


def _up_to(cell: Cell, step: int) -> UpTo:
    whole = _whole(cell)
    every = max(1, whole.steps // whole.log_points)
    return UpTo(step, whole.log_points, whole.evaluations, every=every, last=whole.steps)
