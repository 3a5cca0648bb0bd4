"""Read what `bench try` has left, and the committed records of the same task cut to the same seeds and steps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from harness.errors import BenchError, unknown
from harness.ranges import span
from harness.report.records import checks
from harness.report.records.frame import CellFrame, TaskFrame, read
from harness.store import HEAD, RECORDS

TRIED = Path(".scratch/tried")


@dataclass(frozen=True)
class Cut(CellFrame):
    """A record cut to the seeds and the last step of its head."""

    @cached_property
    def scores(self) -> pd.DataFrame:
        return self._kept(super().scores)

    @cached_property
    def curves(self) -> pd.DataFrame | None:
        return self._kept(found) if (found := super().curves) is not None else None

    def _kept(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rows[rows.seed.isin(self.seeds) & (rows.step <= self.head["steps"])]


def tried(root: Path, method: str, task: str | None = None) -> list[CellFrame]:
    """Return the trials of a method, one for each task. Raises BenchError if there are none."""
    found = sorted(root.glob(f"{TRIED}/{task or '*'}/*/{HEAD}"))
    if not (own := [path for path in found if path.parent.name == method]):
        where = f"{method} on {task}" if task else method
        known = {path.parent.name for path in found}
        raise BenchError(unknown(f"trial of {where}", method, known) + f"; `bench try {method}` makes one")
    return [read(root / TRIED, _named(path.parent.parent.name, method)) for path in own]


def beside(root: Path, mine: CellFrame, name: str) -> CellFrame | None:
    """Return the record of another method of the task, cut to the seeds and steps of `mine`.

    It is a trial of the same seeds that is as long, or else the committed record, or else any trial. Returns None if it
    has none of the seeds. Raises BenchError if there is neither.

    mine: a trial.
    name: the name of the other method.
    """
    trial, record = _both(root, mine.task, name)
    fits = trial.record and trial.head["seeds"] == mine.seeds and trial.head["steps"] >= mine.head["steps"]
    cell = trial if fits or not record.record else record
    if not cell.record:
        raise BenchError(
            f"{mine.task} has neither a trial nor a record of {name}: `bench try {name} --task {mine.task}`"
        )
    return _cut(cell, mine.seeds, mine.head["steps"])


def committed(root: Path, mine: CellFrame) -> list[CellFrame]:
    """Return the committed records of the task's other methods on the same data, cut to the seeds and steps of mine."""
    names = [path.parent.name for path in sorted((root / RECORDS / mine.task).glob(f"*/{HEAD}"))]
    found = [read(root / RECORDS, _named(mine.task, name)) for name in names if name != mine.name]
    same = [c for c in found if c.head["ablation"] is None and c.head["data_hash"] == mine.head["data_hash"]]
    cut = [_cut(cell, mine.seeds, mine.head["steps"]) for cell in same]
    return [cell for cell in cut if cell is not None]


def pair(root: Path, a: str, b: str, task: str | None = None) -> list[TaskFrame]:
    """Return the trials of `a`, each with the record of `b`, at the last step at which both were scored.

    Raises BenchError if one of the two is missing, or if there is no such step.
    """
    frames = []
    for mine in tried(root, a, task):
        other = beside(root, mine, b)
        step = scored_of_both(mine, other) if other else None
        if other is None or step is None:
            raise BenchError(
                f"{mine.task}: there is no step at which both were scored, {a} (seeds {span(mine.seeds)}, "
                f"{_steps(mine)}) and {b} ({_all_steps(root, mine.task, b)}): try {a} with --steps and --seeds of {b}"
            )
        cells: list[CellFrame] = [cut for cell in (mine, other) if (cut := _cut(cell, other.seeds, step))]
        settings = mine.head["params"]["task"]
        frame = TaskFrame(mine.task, mine.task, settings["family"], settings, b, cells, [])
        checks.check(frame, mine.head["protocol"])
        frames.append(frame)
    return frames


def scored_of_both(mine: CellFrame, other: CellFrame) -> int | None:
    """Return the last step at which both were scored, or None."""
    return max(set(mine.scores.step) & set(other.scores.step), default=None)


def _cut(cell: CellFrame, seeds: Iterable[int], steps: int) -> Cut | None:
    kept = [seed for seed in seeds if seed in cell.seeds]
    if not kept:
        return None
    status = {seed: _until(word, steps) for seed, word in cell.head["status"].items() if int(seed) in kept}
    head = cell.head | {"seeds": kept, "steps": min(steps, cell.head["steps"]), "status": status}
    fields = {name: getattr(cell, name) for name in CellFrame.__dataclass_fields__}
    cut = Cut(**fields | {"record": head})
    last = set(cut.scores[cut.scores.step == cut.scores.step.max()].metric)  # some exist only at the end of a run
    metrics = {name: block for name, block in head["metrics"].items() if name in last or not last}
    return Cut(**fields | {"record": head | {"metrics": metrics}})


def _until(word: str, steps: int) -> str:
    """Return the state of a seed at a step, at which later divergence was not yet known."""
    late = word.startswith("diverged at step ") and int(word.rsplit(" ", 1)[1]) > steps
    return "finished" if late or word == "collapsed" else word


def _named(task: str, name: str) -> CellFrame:
    return CellFrame(task, name, name, name)


def _steps(cell: CellFrame) -> str:
    return f"steps {', '.join(map(str, sorted(set(cell.scores.step))))}"


def _all_steps(root: Path, task: str, name: str) -> str:
    """Return the seeds and scored steps of the record, or of the trial if there is no record."""
    trial, record = _both(root, task, name)
    cell = record if record.record else trial
    return f"seeds {span(cell.seeds)}, {_steps(cell)}"


def _both(root: Path, task: str, name: str) -> tuple[CellFrame, CellFrame]:
    """Return a method's trial and its committed record; what is absent has no head."""
    return read(root / TRIED, _named(task, name)), read(root / RECORDS, _named(task, name))
