"""Split the spread of returns into the part from learning the reward and the part from training on it again."""

from __future__ import annotations

import math

from harness.report.records.frame import TaskFrame
from harness.report.tables.entries import MISSING, Link, Number, Table, Text, fixed, source, title
from harness.report.tables.spelling import number
from harness.report.tables.variance import split

STUCK, RETURN = "stuck", "return"


def table(frame: TaskFrame, link: Link) -> Table | None:
    """Make the table of both parts for each cell that trains on learnt rewards; None without such a cell."""
    run = [cell for cell in frame.cells if cell.record and cell.rewards]
    if not run:
        return None
    body = []
    for cell in run:
        values = cell.by_unit(RETURN)
        _, between, within = split(cell, RETURN) or (0, math.nan, math.nan)
        body.append([
            title(cell),
            fixed(values.mean(), 1),
            fixed(values.std(), 1),
            fixed(math.sqrt(max(between, 0.0)), 1),
            fixed(math.sqrt(within), 1),
            Number(cell.endpoint(STUCK).mean(), ".0%") if STUCK in cell.head["metrics"] else MISSING,
            Text(", ".join(" ".join(number(v, 1) for v in group) for _, group in values.groupby(level=0))),
            source(cell, link),
        ])
    head = [
        "method",
        "mean",
        "sd",
        "sd of rewards",
        "sd of re-training",
        "episodes stuck",
        "returns, by reward",
        "record",
    ]
    notes = [
        (
            "Sd of rewards: between the means of learnt rewards, less what re-training alone adds (0 if that is "
            "more). Sd of re-training: between policies that were trained on the same reward. Both are of the rewards "
            "with more than one re-training."
        )
    ]
    return Table(f"{frame.title}: learning the reward and training on it", head, body, notes)
