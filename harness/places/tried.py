"""Run `bench try`: a method on a few seeds for a few steps, in the scratch folder. No record of the project changes.

Step for step it is the run that `bench train` would begin, with the same batches, latents and settings. So its curves
can be compared with the committed ones at the same step.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from harness.errors import BenchError
from harness.places.live_curves import with_live_curves
from harness.places.prepare import prepare
from harness.places.progress import SHOWN
from harness.places.train import finish_cell, train_block
from harness.plan.identity import DATA
from harness.plan.needs import label
from harness.plan.plan import Cell, Plan
from harness.report.records.frame import CellFrame, read
from harness.report.records.tried import TRIED
from harness.run.params import TaskParams, validate
from harness.run.train import Schedule
from harness.store import RECORDS

WIDTH = 22  # characters of a column of the live table


@dataclass(frozen=True)
class Trial(Cell):
    """A cell whose record is in the scratch folder."""

    def folder(self, root: Path) -> Path:
        return root / TRIED / self.task / self.name


@dataclass(frozen=True)
class Early(Schedule):
    """A shorter schedule that logs at the steps at which the whole run logs."""

    every: int = 1

    def logged(self, step: int) -> bool:
        return step == self.steps or step % self.every == 0


def try_method(root: Path, plan: Plan, cell: Cell, seeds: tuple[int, ...], steps: int | None) -> CellFrame:
    """Train and score a cell, and show a row of the live table at every logged step.

    Raises BenchError for invalid seeds, and for more steps than the whole run has.

    root: the project's folder.
    plan: the plan of the project.
    cell: the cell.
    seeds: the seeds.
    steps: the number of steps; default: up to the first step at which the whole run is scored.
    """
    trial = _trial(cell, seeds, steps)
    if not (root / DATA / f"{cell.task}.json").is_file():
        prepare(root, plan, cell.task)
    params, whole = trial.task_params, cell.task_params
    early = Early(params.steps, params.log_points, params.evaluations, every=max(1, whole.steps // whole.log_points))
    baseline = plan.params["report"]["baseline"].get(cell.task, cell.name)
    kept = read(root / RECORDS, CellFrame(cell.task, baseline, baseline, baseline))
    table = with_live_curves(LiveTable(early, seeds, kept), root, f"tried/{label(trial)}", seeds, early)
    try:
        train_block(root, trial, 0, schedule=early, progress=table)
        finish_cell(root, trial)
    except Exception as error:
        if not isinstance(error, BenchError):
            error.add_note(f"`bench check {cell.name} {cell.task}` tells which promise the method breaks, if it does")
        raise
    return read(root / TRIED, CellFrame(trial.task, trial.name, trial.method, trial.name))


def _trial(cell: Cell, seeds: tuple[int, ...], steps: int | None) -> Trial:
    whole = cell.task_params
    scored = Schedule(whole.steps, whole.log_points, whole.evaluations).evaluated()
    steps = steps or scored[0]
    if steps > whole.steps:
        raise BenchError(f"--steps must be at most the {whole.steps} steps of {cell.task}, got {steps}")
    points = sum(step <= steps for step in scored) if steps in scored else 1
    few = {"seeds": seeds, "block": len(seeds), "steps": steps, "evaluations": points}
    params: TaskParams = validate(type(whole), whole.model_dump() | few, f"bench try: tasks.{cell.task}")
    fields = {name: getattr(cell, name) for name in Cell.__dataclass_fields__}
    return replace(Trial(**fields), task_params=params, seeds=params.seeds)


class LiveTable:
    """A table with a row at every logged step: the mean of each log since the last row, the baseline's in brackets."""

    def __init__(self, schedule: Schedule, seeds: tuple[int, ...], baseline: CellFrame):
        self.schedule, self.started = schedule, time.monotonic()
        self.theirs = _means(baseline, seeds)
        self.name = baseline.name if self.theirs else ""
        self.sums: dict[str, float] = {}
        self.counted, self.shown = 0, False

    def __call__(self, step: int, logs: dict[str, Tensor]) -> None:
        for name in SHOWN:
            if name in logs:
                self.sums[name] = self.sums.get(name, 0.0) + float(logs[name].mean())
        self.counted += 1
        if not self.schedule.logged(step):
            return
        if not self.shown:
            heads = [f"{name} ({self.name})" if self.name else name for name in self.sums]
            self._line(["step", "seconds", *heads])
            self.shown = True
        seconds = f"{time.monotonic() - self.started:.0f}"
        self._line([f"{step}/{self.schedule.steps}", seconds, *(self._cell(name, step) for name in self.sums)])
        self.sums, self.counted = dict.fromkeys(self.sums, 0.0), 0

    def close(self) -> None:
        """Leave the table as it is."""

    def _cell(self, name: str, step: int) -> str:
        their = self.theirs.get((step, name))
        return f"{self.sums[name] / self.counted:.4g}" + (f" ({their:.4g})" if their is not None else "")

    def _line(self, words: Iterable[str]) -> None:
        first, second, *rest = words
        print(f"{first:>11} {second:>8}  " + "".join(f"{word:<{WIDTH}}" for word in rest).rstrip(), flush=True)


def _means(cell: CellFrame, seeds: tuple[int, ...]) -> dict[tuple[int, str], float]:
    """Return the mean of each (step, log) over those of the seeds that the committed record has."""
    if not cell.record or cell.curves is None:
        return {}
    rows = cell.curves[cell.curves.seed.isin(seeds)].drop(columns="seed")
    means = rows.groupby("step").mean()
    return {
        (int(step), log): float(row[log]) for step, row in means.iterrows() for log in means if row[log] == row[log]
    }
