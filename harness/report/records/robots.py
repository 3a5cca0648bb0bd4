"""Pool imitation over several robots: the methods that ran on all of them, their scores and their times to a target."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.report.records.aggregate import NORMALISED
from harness.report.records.frame import CellFrame, TaskFrame
from harness.report.stats import profiles

TARGET = 0.9  # of the way from random actions to the expert
FEWEST_TASKS = 2


def robots(frames: Sequence[TaskFrame]) -> list[TaskFrame]:
    """Return the tasks whose scores are normalised, the first of those on one robot: its own preset's is not two."""
    first: dict[str, TaskFrame] = {}
    for frame in frames:
        if NORMALISED in frame.metrics:
            first.setdefault(str(frame.params.get("robot", frame.title)), frame)
    return list(first.values())


def common(frames: Sequence[TaskFrame]) -> dict[str, list[CellFrame]]:
    """Return the cells of each method that ran on every robot with normalised scores, one cell for each robot."""
    tasks = robots(frames)
    having = [
        {cell.name: cell for cell in frame.cells if cell.record and NORMALISED in cell.head["metrics"]}
        for frame in tasks
    ]
    if len(tasks) < FEWEST_TASKS:
        return {}
    return {name: [cells[name] for cells in having] for name in having[0] if all(name in cells for cells in having)}


def scores(cells: list[CellFrame]) -> np.ndarray:
    """Return scores [T, S] of T robots, with as many runs S of each as the robot with the fewest has."""
    ends = [cell.endpoint(NORMALISED) for cell in cells]
    return np.stack([end[: min(map(len, ends))] for end in ends])


def run_times(cell: CellFrame) -> np.ndarray:
    """Return for each run [S] the share of the budget at which it first scores at the target; inf if it never does."""
    rows = cell.scores[cell.scores.metric == NORMALISED]
    runs = [rows[rows.seed == seed] for seed in cell.seeds]
    return np.array([
        profiles.time_to_target(run.step.to_numpy() / cell.head["steps"], run.value.to_numpy(), TARGET) for run in runs
    ])
