"""Make the table of all tasks at a glance: the baseline, the best method, and how much has run."""

from __future__ import annotations

import pandas as pd

from harness.report.records.frame import TaskFrame
from harness.report.tables.entries import MISSING, Entry, Named, Table, Text, count, fixed, title
from harness.report.tables.spelling import aimed, decimals
from harness.report.tables.summary import ranking, score, separation, to_baseline

HEAD = [
    "task",
    "scored by",
    "baseline",
    "best method",
    "best minus baseline",
    "verdict",
    "cells run",
    "failed runs",
]
NOTE = (
    "The best method is chosen after the fact; its test is adjusted for all methods of its task. A verdict needs "
    "p < 0.05 and a chance of at least 0.75, with its whole interval above 0.5, that one run beats a run of the "
    "baseline. A cell is one method, or one variant of it in an ablation, with all its seeds."
)


def overview(frames: dict[str, TaskFrame], summaries: dict[str, pd.DataFrame], name: str, page: str = "") -> Table:
    """Make a table with a row for each task.

    name: the title of the table.
    page: the folder of the tasks' pages, with a slash at the end, if it is not that of this page.
    """
    rows = []
    for task, frame in frames.items():
        ran = [cell for cell in frame.everything if cell.record]
        failed = sum(len(cell.failures) for cell in ran)
        rows.append([
            Text(frame.title, href=f"{page}tasks/{task}.html"),
            *_best(frame, summaries[task]),
            Text(f"{len(ran)} of {len(frame.everything)}", strong=len(ran) < len(frame.everything)),
            count(failed, strong=failed > 0) if ran else MISSING,
        ])
    return Table(name, HEAD, rows, [NOTE])


def _best(frame: TaskFrame, summary: pd.DataFrame) -> list[Entry]:
    """Return scored by, baseline, best method, difference and verdict; missing if nothing ran or can be ranked."""
    ranked = ranking(frame, summary)
    if ranked.empty:
        return [MISSING] * 5
    best, base = ranked.iloc[0], ranked[ranked.cell == frame.baseline]
    block = frame.metrics[frame.scored_by]
    digits = decimals([best.value, *base.value])
    return [
        Text(aimed(block)),
        Named(title(frame.known(base.cell.iloc[0])), fixed(base.value.iloc[0], digits)) if len(base) else MISSING,
        Named(title(frame.known(best.cell)), score(best, digits)),
        to_baseline(frame, best, decimals([best.difference])),
        separation(best, block["higher_is_better"]),
    ]
