"""Say in one line how the headline score of a cell went over the evaluations of its runs."""

from __future__ import annotations

import pandas as pd

from harness.ranges import span
from harness.report.records.frame import CellFrame
from harness.report.tables.spelling import aimed, decimals, number


def went(cell: CellFrame) -> str:
    """Return the line: the mean over the seeds at the first, the middle and the last evaluation.

    cell: a cell that has run.
    """
    means = _by_seed(cell).mean(axis=1)
    shown = means.iloc[sorted({0, (len(means) - 1) // 2, len(means) - 1})]
    digits = decimals(shown)
    points = ", ".join(f"{number(value, digits)} at step {step}" for step, value in shown.items())
    which = f"mean of seeds {span(cell.seeds)}" if len(cell.seeds) > 1 else f"seed {span(cell.seeds)}"
    return f"{cell}: {aimed(cell.head['metrics'][headline(cell)])}: {points} ({which})"


def learnt(cell: CellFrame) -> bool:
    """Return whether the headline score of a cell that has run got better.

    It did if the last score is better than the first, or if it is better than the floor by more than the seeds differ:
    who had learnt everything by the first evaluation cannot get better.
    """
    metric = cell.head["metrics"][headline(cell)]
    sign = -1.0 if metric["higher_is_better"] is False else 1.0
    scores = sign * _by_seed(cell)
    means, last = scores.mean(axis=1), scores.iloc[-1]
    gain = means.iloc[-1] - sign * metric["floor"]
    return bool(len(means) > 1 and means.iloc[-1] > means.iloc[0]) or bool(gain > last.max() - last.min())


def headline(cell: CellFrame) -> str:
    """Return the headline metric of a cell that has run."""
    metrics = cell.head["metrics"]
    return max(metrics, key=lambda name: metrics[name]["headline"])


def _by_seed(cell: CellFrame) -> pd.DataFrame:
    """Return the headline score of each step, a row, and each seed, a column."""
    rows = cell.scores
    return rows[rows.metric == headline(cell)].pivot(index="step", columns="seed", values="value").sort_index()
