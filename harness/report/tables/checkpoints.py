"""Show what a user who keeps the best checkpoint of each run gets, beside what the last one scores."""

from __future__ import annotations

import math

import numpy as np

from harness.report.records.checkpoints import checkpoints
from harness.report.records.frame import TaskFrame
from harness.report.stats import statistics as st
from harness.report.tables import summary
from harness.report.tables.entries import LEVEL, Head, Number, Table, count, fixed, title
from harness.report.tables.spelling import decimals, labelled

CHOICE = (
    "The best checkpoint is chosen by one half of the real test data and scored with the other half. Both halves "
    "choose in turn, and the score is the mean of the two, so no checkpoint is scored by the real data that chose it. "
    "The generated images are the same in both, which still favours the chosen one a little: a gain below .1 may be "
    "nothing but that. With half as much real data a distance is larger: these scores compare only with each other."
)
NO_INTERVAL = (math.nan, math.nan)
TESTED = "Scores are interquartile means, differences are means over seeds. Only the last checkpoint is tested, above."


def table(frame: TaskFrame) -> Table | None:
    """Make the table, the best method by its chosen checkpoints first; None unless a cell was scored with halves."""
    if frame.headline is None:
        return None
    block = frame.metrics[frame.headline]
    kept = {cell.name: found for cell in frame.cells if (found := checkpoints(cell, frame.headline))}
    if not kept:
        return None
    sign = -1 if block["higher_is_better"] else 1
    order = sorted(kept, key=lambda name: sign * _iqm(kept[name].best))
    last = sorted(kept, key=lambda name: sign * _iqm(kept[name].last))
    digits = decimals([_iqm(found.last) for found in kept.values()])
    body = []
    for name in order:
        cell, found = frame.known(name), kept[name]
        gap = st.paired_difference(found.best, found.last)
        body.append([
            title(cell, summary.mark(cell), strong=name == order[0]),
            _score(found.best, digits, strong=name == order[0]),
            _score(found.last, digits, strong=name == last[0]),
            fixed(gap.mean, digits, *((gap.low, gap.high) if gap.n >= st.FEWEST_FOR_INTERVAL else NO_INTERVAL)),
            count(round(np.median(found.step))),
            count(last.index(name) + 1),
        ])
    metric = labelled(block)
    head: list[Head | str] = [
        "method",
        Head(f"best checkpoint: {metric}", LEVEL, up=block["higher_is_better"]),
        Head(f"last checkpoint: {metric}", LEVEL, up=block["higher_is_better"]),
        Head("best minus last", LEVEL),
        "chosen step (median)",
        "rank by the last",
    ]
    return Table(f"{frame.title}: best checkpoint and last one", head, body, [CHOICE, TESTED])


def _score(scores: np.ndarray, digits: int, strong: bool) -> Number:
    ends = st.iqm_interval(scores) if len(scores) >= st.FEWEST_FOR_INTERVAL else NO_INTERVAL
    return fixed(_iqm(scores), digits, *ends, strong=strong)


def _iqm(scores: np.ndarray) -> float:
    return float(st.iqm(scores[None]))
