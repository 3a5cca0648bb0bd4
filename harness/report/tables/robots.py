"""Make the table of imitation pooled over several robots."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from harness.report.records.aggregate import NORMALISED
from harness.report.records.frame import TaskFrame
from harness.report.records.robots import TARGET, common, robots, run_times, scores
from harness.report.stats import statistics as st
from harness.report.tables.entries import LEVEL, Head, Table, Text, fixed


def table(frames: Sequence[TaskFrame]) -> Table | None:
    """Make a table of the IQM and optimality gap of scores pooled over robots, and of the runs that meet the target."""
    body = []
    for name, own in common(frames).items():
        pooled, times = scores(own), [run_times(cell) for cell in own]
        low = high = math.nan
        if pooled.shape[1] >= st.FEWEST_FOR_INTERVAL:
            low, high = map(float, st.stratified_bootstrap(pooled, st.iqm, st.generator(NORMALISED, name)))
        met = [Text(f"{np.isfinite(t).sum()} of {len(t)}") for t in times]
        score = fixed(float(st.iqm(pooled)), 2, low, high)
        body.append([Text(own[0].title), score, fixed(st.optimality_gap(pooled), 2), *met])
    if not body:
        return None
    targets = [f"runs that reach {TARGET}, {frame.title}" for frame in robots(frames)]
    head: list[Head | str] = [
        "method",
        Head("IQM of normalised returns", LEVEL),
        Head("optimality gap", up=False),
        *targets,
    ]
    notes = [
        (
            "Normalised: 0 for random actions, 1 for the expert. Pooled over the robots with equal weights, with a "
            f"stratified percentile bootstrap ({st.RESAMPLES} resamples). Optimality gap: how far the runs fall short "
            "of the expert on average. Each robot has its own budget and settings."
        )
    ]
    return Table("Robots together", head, body, notes)
