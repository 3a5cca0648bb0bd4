"""Make the table of one ablation, with a row for each value of the swept parameter."""

from __future__ import annotations

import pandas as pd

from harness.report.records.frame import CellFrame, Sweep, TaskFrame, shown
from harness.report.tables import summary
from harness.report.tables.entries import LEVEL, MISSING, Head, Link, Number, Table, Text, count, source, status
from harness.report.tables.spelling import decimals, labelled
from harness.store import is_number


def ablation(frame: TaskFrame, swept: Sweep, found: pd.DataFrame, link: Link) -> Table:
    """Make a table of scores, and of differences to the reference method on the shared seeds.

    found: the summary of the task.
    """
    metric = frame.headline
    rows = found[found.metric == metric].set_index("cell")
    own = rows[rows.ablation == swept.name]
    digits, fine = decimals(own.value), decimals(own.difference)
    body = []
    for cell in swept.points:
        cells = [MISSING] * 4
        if cell.name in rows.index:
            row = rows.loc[cell.name]
            cells = [summary.score(row, digits), count(row.n), summary.paired(row, fine), summary.chance(row)]
        body.append([_value(cell, swept), *cells, status(cell), source(cell, link)])
    label = labelled(frame.metrics[metric]) if metric else "score"
    head: list[Head | str] = [
        swept.parameter,
        Head(label, summary.nominal(own.n[own.n > 0])),
        "n",
        Head(f"difference to {frame.known(swept.reference).title}", LEVEL),
        Head("P(better)", LEVEL),
        "status",
        "record",
    ]
    counts = sorted({cell.n for cell in swept.cells if cell.record})
    many = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0]}" if counts else ""
    below = [f"Exploratory: {many} seed{'s' * (many != '1')} for each value, no test."] if counts else []
    return Table(f"{frame.title}: {swept.parameter} of {frame.known(swept.of).title}", head, body, below)


def _value(cell: CellFrame, swept: Sweep) -> Number | Text:
    """Return the value of the parameter; the method's own value is marked as such."""
    own = f"{cell.title} itself" if cell.name == swept.of else ""
    value = cell.swept
    if is_number(value):
        return Number(value, "g" if isinstance(value, float) else "d", note=own)
    return Text(shown(value) + (f" ({own})" if own else ""))
