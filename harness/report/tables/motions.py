"""Make the table of characters that follow a clip: the error beside its two parts, and how the discriminator ended.

The error counts pi for every moment after a fall. So it says little without the seconds until the fall and the error
until then: a policy that stands still and one that runs and falls may have the same error.
"""

from __future__ import annotations

import pandas as pd

from harness.report.records.bottleneck import settled
from harness.report.records.frame import CellFrame, TaskFrame
from harness.report.tables import summary
from harness.report.tables.entries import MISSING, Entry, Head, Number, Table, Text, fixed, title
from harness.report.tables.spelling import decimals, labelled

LONG, CLOSE = PANELS = ("time", "error_alive")
SEEDS = "lowest, highest seed"
INSIDE = {"accuracy": "accuracy of D", "kl": "KL (nat)", "beta": "beta"}
NOTE = (
    "After a fall the error counts as pi. Brackets hold the lowest and the highest seed. The accuracy of the "
    "discriminator D, the KL and beta are means over the last quarter of training."
)


def table(frame: TaskFrame, found: pd.DataFrame) -> Table | None:
    """Make the table of the methods that ran, best first; None for other tasks.

    found: the summary of the task.
    """
    if not shown(frame):
        return None
    metrics = [frame.scored_by, *PANELS]
    rows = found[found.ablation == ""].set_index(["metric", "cell"]).value
    digits = {metric: decimals(rows[metric]) for metric in metrics}
    body = []
    for cell in summary.sorted_cells(frame, found):
        if cell.record:
            scores = [
                _score(cell, metric, rows[metric, cell.name], digits[metric])
                if (metric, cell.name) in rows.index
                else MISSING
                for metric in metrics
            ]
            body.append([title(cell, summary.mark(cell)), *scores, *_inside(cell)])
    known = [frame.references(metric) for metric in metrics]
    for label in dict.fromkeys(label for references in known for label in references):
        values = [fixed(own[label], digits[m]) if label in own else MISSING for own, m in zip(known, metrics)]
        body.append([Text(label), *values, *[MISSING] * len(INSIDE)])
    blocks = [frame.metrics[metric] for metric in metrics]
    head: list[Head | str] = ["method"]
    head += [Head(labelled(block), SEEDS, up=block["higher_is_better"]) for block in blocks]
    head += list(INSIDE.values())
    return Table(f"{frame.title}: how long and how closely", head, body, [*summary.marked(frame), NOTE])


def shown(frame: TaskFrame) -> tuple[str, ...]:
    """Return the metrics that this table has beside the score; none for other tasks."""
    return PANELS if {*PANELS} <= frame.metrics.keys() else ()


def _score(cell: CellFrame, metric: str, value: float, digits: int) -> Entry:
    ends = cell.endpoint(metric)
    return fixed(value, digits, ends.min(), ends.max())


def _inside(cell: CellFrame) -> list[Entry]:
    """Return what the training logs say of the discriminator, each missing for a method without it."""
    ends = [settled(cell, log) for log in INSIDE]
    return [MISSING if end is None else Number(end.mean(), ".2g", end.min(), end.max()) for end in ends]
