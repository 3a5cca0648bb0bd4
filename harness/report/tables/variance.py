"""Split the spread of a score into the part of a run and the part of re-sampling around it.

This is only possible if records have several scores of one run at one step, that is for new policies trained on one
learnt reward. In every other task an evaluation is scored once with fixed draws, so nothing can be split.
"""

from __future__ import annotations

import math

import numpy as np

from harness.report.records.frame import CellFrame, TaskFrame
from harness.report.stats import statistics as st
from harness.report.tables.entries import Link, Number, Table, count, fixed, source, title
from harness.report.tables.spelling import decimals, labelled


def split(cell: CellFrame, metric: str) -> tuple[int, float, float] | None:
    """Return the re-trainings per learnt reward, the variance of the reward and that of a re-training.

    Returns None if each reward has only one re-training. Rewards that were added later with a single re-training carry
    no information on the second variance, and are left out.
    """
    if not cell.record or not cell.rewards:
        return None
    groups = [values.to_numpy() for _, values in cell.by_unit(metric).groupby(level=0) if len(values) > 1]
    if len(groups) < 2:
        return None
    each = min(map(len, groups))
    return each, *st.split_variance(np.stack([values[:each] for values in groups]))


def table(frame: TaskFrame, link: Link) -> Table | None:
    """Make a table of the headline metric of every cell of a task whose scores can be split; None without one."""
    metric = frame.headline
    if metric is None:
        return None
    having = [cell for cell in frame.everything if cell.record and metric in cell.head["metrics"]]
    found = [(cell, parts) for cell in having if (parts := split(cell, metric))]
    if not found:
        return None
    sizes = [np.sqrt(max(part, 0)) for _, (_, *parts) in found for part in parts]
    digits = decimals(sizes)
    body = []
    for cell, (each, own, within) in found:
        body.append([
            title(cell),
            count(cell.n),
            count(each),
            fixed(np.sqrt(own), digits) if own > 0 else count(0),
            fixed(np.sqrt(within), digits),
            Number(own / (own + within) if own > 0 else math.nan, ".0%"),
            source(cell, link),
        ])
    head = [
        "method",
        "learnt rewards",
        "re-trainings of each",
        "sd of the reward",
        "sd of a re-training",
        "share of the reward",
        "record",
    ]
    notes = [
        (
            "The first variance is that of the means over re-trainings, less what re-training contributes to them; the "
            "second is that within one reward. 0 means that the estimate is not positive. More re-trainings reduce "
            "only the error of the second; an interval over learnt rewards includes both."
        )
    ]
    return Table(f"{frame.title}: where the spread of {labelled(frame.metrics[metric])} comes from", head, body, notes)
