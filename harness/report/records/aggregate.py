"""Summarise a checked frame as a tidy table of its task, and as a few numbers for each method for DVC's metrics.

The summary has one row for each (cell, metric). Where new policies are trained on learnt rewards, one run is one
reward: its re-trainings are averaged first, because they share what was learnt. Differences are cell minus baseline on
the same seeds, in the metric's own unit; for the cells of an ablation the baseline is the ablation's reference. The
family of tests that Holm's method adjusts for is every method against the baseline on the task's headline metric.
Ablations and secondary metrics are exploratory and have no p.

pairs: how many seeds, or learnt rewards, both cells of a comparison have.
seeds_needed: how many that family's test would need to find the observed mean difference with 80 % power if it were the
    true one.
optimality_gap: the mean shortfall of scores that are 0 for random actions and 1 for the expert.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from harness.report.records.frame import CellFrame, TaskFrame
from harness.report.stats import power, significance
from harness.report.stats import statistics as st

NORMALISED = "normalised"  # the metric whose scores are fractions of the way from random actions to the expert
COLUMNS = [
    "task",
    "cell",
    "ablation",
    "parameter",
    "metric",
    "headline",
    "status",
    "n",
    "failures",
    "value",
    "ci_low",
    "ci_high",
    "mean",
    "median",
    "sd",
    "compared_with",
    "pairs",
    "difference",
    "difference_ci_low",
    "difference_ci_high",
    "rho",
    "improvement",
    "improvement_low",
    "improvement_high",
    "p",
    "p_holm",
    "seeds_needed",
    "optimality_gap",
]
# For the headline metric: the name in `dvc metrics show` -> the column. Without p, which is adjusted for the number of
# methods: with it, one more method would change the file of every other.
SHOWN = {
    "score": "value",
    "low": "ci_low",
    "high": "ci_high",
    "n": "n",
    "failed": "failures",
    "difference": "difference",
}


def summarise(frame: TaskFrame) -> pd.DataFrame:
    """Return one row for each (cell, metric) in the order of the parameters; a cell that has not run has one row."""
    rows = [row for cell in frame.cells for row in _rows(frame, cell, frame.baseline)]
    for ablation in frame.ablations:
        for cell in ablation.cells:
            rows += _rows(frame, cell, ablation.reference, ablation.name)
    table = pd.DataFrame(rows, columns=COLUMNS)
    family = table.index[table.p.notna()]
    if len(family):
        table.loc[family, "seeds_needed"] = [seeds_needed(frame, table.loc[i], len(family)) for i in family]
        table.loc[family, "p_holm"] = significance.holm(table.loc[family, "p"])
        # With too few seeds for the size of the family, a p would only mislead.
        reachable = table.loc[family, "pairs"].map(lambda n: significance.can_reach_significance(int(n), len(family)))
        table.loc[family[~reachable], ["p", "p_holm"]] = np.nan
    return table


def metrics_of(table: pd.DataFrame) -> dict[str, dict[str, float | int]]:
    """Return for each method the numbers that `dvc metrics` shows: its headline score and difference to the baseline.

    Unknown numbers are left out.
    """
    rows = table[(table.ablation == "") & table.metric.notna()]
    rows = rows[rows.headline.astype(bool)]
    return {
        row["cell"]: {name: _tidy(row[column]) for name, column in SHOWN.items() if math.isfinite(row[column])}
        for row in rows.to_dict("records")
    }


def _tidy(number: float) -> float | int:
    """Round to five significant digits, which keeps the line short and is enough to see a change."""
    return int(number) if float(number).is_integer() else float(f"{number:.5g}")


def _rows(frame: TaskFrame, cell: CellFrame, against: str | None, ablation: str = "") -> list[dict[str, Any]]:
    common = {
        "task": frame.name,
        "cell": cell.name,
        "ablation": ablation,
        "parameter": cell.value,
        "status": cell.status,
        "n": cell.n,
        "failures": len(cell.failures),
    }
    if not cell.record:
        return [common]
    return [
        common | _level(cell, metric) | _comparison(frame, cell, metric, against, not ablation)
        for metric in frame.metrics
        if metric in cell.head["metrics"]
    ]


def _level(cell: CellFrame, metric: str) -> dict[str, Any]:
    """Return the IQM with its interval, mean, median and standard deviation of the runs of one cell."""
    x = cell.units(metric).to_numpy()
    low = high = math.nan
    if len(x) >= st.FEWEST_FOR_INTERVAL:
        low, high = st.iqm_interval(x)
    return {
        "metric": metric,
        "value": float(st.iqm(x[None])),
        "ci_low": low,
        "ci_high": high,
        "mean": x.mean(),
        "median": np.median(x),
        "sd": x.std(ddof=1) if len(x) > 1 else math.nan,
        "headline": bool(cell.head["metrics"][metric].get("headline", False)),
        "optimality_gap": st.optimality_gap(x[None]) if metric == NORMALISED else math.nan,
    }


def _comparison(frame: TaskFrame, cell: CellFrame, metric: str, against: str | None, tested: bool) -> dict[str, Any]:
    """Return the paired difference to another cell on the seeds (or learnt rewards) that both have."""
    other = frame.cell(against)
    if not other or not other.record or other.name == cell.name:
        return {}
    if metric not in other.head["metrics"]:
        return {}
    block = cell.head["metrics"][metric]
    up = block["higher_is_better"]  # None for a metric without a direction
    a, b = cell.paired(other, metric)
    d = st.paired_difference(a, b)
    enough = d.n >= st.FEWEST_FOR_INTERVAL
    row = {
        "compared_with": other.name,
        "pairs": d.n,
        "difference": d.mean,
        "rho": d.rho,
        "difference_ci_low": d.low if enough else math.nan,
        "difference_ci_high": d.high if enough else math.nan,
        "improvement": math.nan if up is None else st.improvement(a[None], b[None], up),
    }
    if enough and up is not None:
        row["improvement_low"], row["improvement_high"] = st.improvement_interval(a, b, up)
    if tested and up is not None and block.get("headline", False):
        row["p"] = significance.sign_flip_p(a - b, st.generator(cell.task, cell.name, metric, "flips"))
    return row


def seeds_needed(frame: TaskFrame, row: pd.Series, comparisons: int, gap: float | None = None) -> float:
    """Return how many seeds a family of tests would need, estimated from the differences of one row; NaN if unknown.

    With fewer than FEWEST_FOR_TEST nothing is tested, however large the difference.

    comparisons: the size of the family.
    gap: the difference to be found; None for that of the row.
    """
    a, b = frame.known(row.cell).paired(frame.known(row.compared_with), row.metric)
    found = max(power.seeds_to_decide(a - b, gap, comparisons), significance.FEWEST_FOR_TEST)  # NaN stays NaN
    return found if math.isfinite(found) else math.nan
