"""Imitation over several robots at once: methods that ran on all of them, their scores, and how soon they arrived."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.report.records.aggregate import NORMALISED
from harness.report.records.frame import CellFrame, TaskFrame
from harness.report.stats import profiles

TARGET = 0.9  # of the way from actions at random to the expert
FEWEST_TASKS = 2


def robots(frames: Sequence[TaskFrame]) -> list[TaskFrame]:
    """The tasks whose scores are normalised."""
    return [frame for frame in frames if NORMALISED in frame.metrics]


def common(frames: Sequence[TaskFrame]) -> dict[str, list[CellFrame]]:
    """Method -> its cells, one for each robot whose scores are normalised; of the methods that ran on all of them."""
    tasks = robots(frames)
    having = [
        {cell.name: cell for cell in frame.cells if cell.record and NORMALISED in cell.head["metrics"]}
        for frame in tasks
    ]
    if len(tasks) < FEWEST_TASKS:
        return {}
    return {name: [cells[name] for cells in having] for name in having[0] if all(name in cells for cells in having)}


def scores(cells: list[CellFrame]) -> np.ndarray:
    """[T, S]: as many runs of each robot as the one with the fewest has."""
    ends = [cell.endpoint(NORMALISED) for cell in cells]
    return np.stack([end[: min(map(len, ends))] for end in ends])


def run_times(cell: CellFrame) -> np.ndarray:
    """[S]: share of the budget at which each run is first scored at the target; inf where it never is."""
    rows = cell.scores[cell.scores.metric == NORMALISED]
    runs = [rows[rows.seed == seed] for seed in cell.seeds]
    return np.array([
        profiles.time_to_target(run.step.to_numpy() / cell.head["steps"], run.value.to_numpy(), TARGET) for run in runs
    ])
