"""Make the table that compares runs made elsewhere with the task's baseline."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from harness.report.records.external import External
from harness.report.records.frame import TaskFrame
from harness.report.stats import statistics as st
from harness.report.tables.entries import LEVEL, MISSING, Entry, Head, Number, Table, Text, count, fixed, measured
from harness.report.tables.spelling import aimed

NOTE = (
    "These runs were made elsewhere and imported. Their seeds share nothing with ours, so differences are unpaired "
    "(Welch's interval). p is for one comparison, outside the task's tested family. Their training cannot be repeated "
    "here."
)


def table(frame: TaskFrame, imports: list[External]) -> Table | None:
    """Compare the headline endpoint of every external method with the task's baseline, by unpaired tests.

    imports: the imports that `check` accepts.
    """
    metric = frame.headline
    rows, sources = [], []
    base = frame.cell(frame.baseline)
    against = (
        base.units(metric).to_numpy() if base and metric and metric in (base.record or {}).get("metrics", {}) else None
    )
    for found in imports:
        if frame.name not in found.tasks:
            continue
        own = found.scores[(found.scores.task == frame.name) & (found.scores.metric == metric)]
        for method, part in own.groupby("method", sort=False):
            rows.append(_row(f"{method} ({found.name})", part, frame, against))
            sources.append(f"{found.name}: {found.source}")
    if not rows:
        return None
    head: list[Head | str] = [
        "method",
        Head(f"{aimed(frame.metrics[frame.scored_by])}, IQM", LEVEL),
        "step",
        "n",
        Head(f"difference to {base.title if base else 'a baseline'}", LEVEL),
        "p (Welch)",
        "p (rank sum)",
        "P(better)",
    ]
    notes = [NOTE, "; ".join(dict.fromkeys(sources)) + "."]
    return Table(f"{frame.title}: external runs", head, rows, notes)


def _row(name: str, part: pd.DataFrame, frame: TaskFrame, against: np.ndarray | None) -> list[Entry]:
    last = int(part.step.max())
    x = part[part.step == last].value.to_numpy(float)
    low, high = st.iqm_interval(x) if len(x) >= st.FEWEST_FOR_INTERVAL else (math.nan, math.nan)
    shown = [Text(name), measured(float(st.iqm(x[None])), low, high), count(last), count(len(x))]
    if against is None or len(x) < 2 or len(against) < 2:
        return [*shown, *[MISSING] * 4]
    from harness.report.stats.significance import unpaired_difference  # scipy's tests take a second to import

    gap = unpaired_difference(x, against)
    up = frame.metrics[frame.scored_by]["higher_is_better"]
    return [
        *shown,
        measured(gap.mean, gap.low, gap.high),
        Number(gap.welch_p, ".2g"),
        Number(gap.rank_sum_p, ".2g"),
        MISSING if up is None else fixed(st.improvement(x[None], against[None], up), 2),
    ]
