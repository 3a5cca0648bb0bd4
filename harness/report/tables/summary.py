"""What one row of a summary says, as the cells of a table."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from harness.report.records.frame import CellFrame, TaskFrame
from harness.report.records.twins import bottlenecked
from harness.report.stats import significance
from harness.report.stats import statistics as st
from harness.report.tables.entries import LEVEL, MISSING, Comparison, Entry, Number, Text, fixed
from harness.report.tables.spelling import TIED

MARK = " ◆"
COVERAGE = {5: 0.90, 10: 0.94}  # runs -> of the bootstrap interval of an IQM, by the simulation in results/statistics


def score(row: pd.Series, digits: int, strong: bool = False) -> Number:
    return fixed(row.value, digits, row.ci_low, row.ci_high, strong=strong)


def difference(row: pd.Series, digits: int, note: str = "") -> Number:
    """The mean difference to what the row was compared with, with its t interval."""
    return fixed(row.difference, digits, row.difference_ci_low, row.difference_ci_high, note=note)


def paired(row: pd.Series, digits: int) -> Number:
    """The difference with the correlation that its pairing uses, where it has an interval."""
    rho = row.rho if np.isfinite(row.difference_ci_low) else math.nan
    return fixed(row.difference, digits, row.difference_ci_low, row.difference_ci_high, rho=rho)


def chance(row: pd.Series) -> Number:
    """The chance that one run is better than one of the other method."""
    return fixed(row.improvement, 2, row.improvement_low, row.improvement_high)


def adjusted_p(row: pd.Series) -> Number:
    return fixed(row.p_holm, 3, least=0.001)


def separation(row: pd.Series, higher_is_better: bool | None, seeds: bool = False) -> Entry:
    """'better' needs Holm's p under 5 %, P(better) of at least 3/4 and its whole interval above 1/2; 'worse' the mirror
    image.

    seeds: whether to name those that would decide what is open.
    """
    if not np.isfinite(row.difference) or higher_is_better is None:
        return MISSING
    needed = row.seeds_needed if seeds else math.nan
    if not np.isfinite(row.p_holm):
        return Comparison("not tested", needed)
    up = (row.difference > 0) == higher_is_better
    clear, least = (row.improvement, row.improvement_low) if up else (1 - row.improvement, 1 - row.improvement_high)
    if row.p_holm < significance.ALPHA and clear >= st.LARGE_IMPROVEMENT and least > 0.5:
        return Comparison("better" if up else "worse")
    return Comparison("not separable", needed)


def ranking(frame: TaskFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """The methods that ran, best first on the headline metric; none where it only describes."""
    rows = summary[(summary.ablation == "") & (summary.metric == frame.headline)]
    up = frame.metrics[frame.scored_by]["higher_is_better"] if len(rows) else None
    if up is None:
        return rows[:0]
    return rows.sort_values("value", ascending=not up, kind="stable")


def sorted_cells(frame: TaskFrame, summary: pd.DataFrame) -> list[CellFrame]:
    """The methods best first; those that did not run or do not rank last, in the order of the parameters."""
    order = {name: place for place, name in enumerate(ranking(frame, summary).cell)}
    return sorted(frame.cells, key=lambda cell: order.get(cell.name, len(order)))


def mark(cell: CellFrame) -> str:
    """What stands behind the name of a method with the bottleneck; '' behind another."""
    return MARK if bottlenecked(cell) else ""


def marked(frame: TaskFrame) -> list[str]:
    """The line that explains mark and order, where a method has the mark."""
    return [f"{MARK.strip()} with the bottleneck. Best first."] if any(map(bottlenecked, frame.cells)) else []


def nominal(counts: pd.Series) -> str:
    """'95 %', with what the interval covers in truth where the fewest runs are known to be too few for that."""
    fewest = int(counts.min()) if len(counts) else 0
    return LEVEL + (f", covers {COVERAGE[fewest]:.0%}".replace("%", f"{TIED}%") if fewest in COVERAGE else "")


def to_baseline(frame: TaskFrame, row: pd.Series, digits: int, note: str = "") -> Entry:
    """The difference to the task's baseline, which is said of the baseline itself."""
    return Text("is the baseline") if row.cell == frame.baseline else difference(row, digits, note)
