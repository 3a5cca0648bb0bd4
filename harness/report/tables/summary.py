"""Turn one row of a summary into entries of a table."""

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

MARK, FLOOR = " ◆", " ▽"
COVERAGE = {5: 0.90, 10: 0.94}  # runs -> coverage of the bootstrap interval of an IQM, from results/statistics


def score(row: pd.Series, digits: int, strong: bool = False) -> Number:
    return fixed(row.value, digits, row.ci_low, row.ci_high, strong=strong)


def difference(row: pd.Series, digits: int, note: str = "") -> Number:
    """Return the mean difference to the cell that the row is compared with, with its t interval."""
    return fixed(row.difference, digits, row.difference_ci_low, row.difference_ci_high, note=note)


def paired(row: pd.Series, digits: int) -> Number:
    """Return the difference with the correlation that its pairing uses, if it has an interval."""
    rho = row.rho if np.isfinite(row.difference_ci_low) else math.nan
    return fixed(row.difference, digits, row.difference_ci_low, row.difference_ci_high, rho=rho)


def chance(row: pd.Series) -> Number:
    """Return the chance that one run is better than a run of the other method."""
    return fixed(row.improvement, 2, row.improvement_low, row.improvement_high)


def adjusted_p(row: pd.Series) -> Number:
    return fixed(row.p_holm, 3, least=0.001)


def separation(row: pd.Series, higher_is_better: bool | None, seeds: bool = False) -> Entry:
    """Return the verdict on a row.

    'Better' needs Holm's p below 5 %, P(better) of at least 3/4 and its whole interval above 1/2; 'worse' needs the
    mirror image.

    higher_is_better: the direction of the metric.
    seeds: whether to give the number of seeds that would decide an open comparison.
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
    """Return the methods that ran, best first on the headline metric; none if that has no direction."""
    rows = summary[(summary.ablation == "") & (summary.metric == frame.headline)]
    up = frame.metrics[frame.scored_by]["higher_is_better"] if len(rows) else None
    if up is None:
        return rows[:0]
    return rows.sort_values("value", ascending=not up, kind="stable")


def sorted_cells(frame: TaskFrame, summary: pd.DataFrame) -> list[CellFrame]:
    """Return the methods best first; those without a rank come last, in the order of the parameters."""
    order = {name: place for place, name in enumerate(ranking(frame, summary).cell)}
    return sorted(frame.cells, key=lambda cell: order.get(cell.name, len(order)))


def mark(cell: CellFrame) -> str:
    """Return the mark behind the name of a method with the bottleneck, or of a floor; '' for any other."""
    return MARK * bottlenecked(cell) + FLOOR * cell.floor


def marked(frame: TaskFrame) -> list[str]:
    """Return the line that explains the marks and the order, if any method has a mark."""
    said = [f"{MARK.strip()} with the bottleneck. "] * any(map(bottlenecked, frame.cells))
    said += [f"{FLOOR.strip()} a floor: it learns nothing of what the task asks. "] * any(c.floor for c in frame.cells)
    return [f"{''.join(said)}Best first."] if said else []


def nominal(counts: pd.Series) -> str:
    """Return '95 %', with the true coverage of the interval if the smallest number of runs is known to be too small."""
    fewest = int(counts.min()) if len(counts) else 0
    return LEVEL + (f", in truth {COVERAGE[fewest]:.0%}".replace("%", f"{TIED}%") if fewest in COVERAGE else "")


def to_baseline(frame: TaskFrame, row: pd.Series, digits: int, note: str = "") -> Entry:
    """Return the difference to the task's baseline, or 'is the baseline' for the baseline itself."""
    return Text("is the baseline") if row.cell == frame.baseline else difference(row, digits, note)
