"""Make the tables of a task's methods: the headline metric with its tests, and all further metrics.

Every row of the first ends with the record that both were read from and the command that makes that record.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pandas as pd

from harness.report.records.frame import TaskFrame
from harness.report.tables import notes, summary
from harness.report.tables.entries import (
    LEVEL,
    MISSING,
    Head,
    Link,
    Source,
    Table,
    Text,
    count,
    fixed,
    source,
    status,
    title,
)
from harness.report.tables.spelling import aimed, decimals, labelled

FLOOR = "× floor: the score as a multiple of the floor in the last row, which is the score of perfect samples."


def comparison(frame: TaskFrame, found: pd.DataFrame, link: Link) -> Table:
    """Make the task's main table: every method on the headline metric, with its status and record.

    found: the summary of the task.
    link: a file of the project -> its address.
    """
    metric = frame.headline
    if metric is None:
        waiting = [[title(cell, summary.mark(cell)), status(cell), source(cell, link)] for cell in frame.cells]
        return Table(f"{frame.title}: nothing has run yet", ["method", "status", "record"], waiting)
    block: dict[str, Any] = frame.metrics[metric]
    rows = found[found.metric == metric].set_index("cell", drop=False)
    methods, floor = rows[rows.ablation == ""], frame.floor
    digits, fine = decimals(methods.value), decimals(methods.difference)
    ranked = summary.ranking(frame, found)
    best = ranked.cell.iloc[0] if len(ranked) else None
    blank = [MISSING] * (5 + (floor is not None))
    body = []
    for cell in summary.sorted_cells(frame, found):
        end = [status(cell), source(cell, link)]
        mark = summary.mark(cell)
        if cell.name not in rows.index:
            body.append([title(cell, mark), MISSING, *blank, *end])
            continue
        row, strong = rows.loc[cell.name], cell.name == best
        body.append([
            title(cell, mark, strong=strong),
            summary.score(row, digits, strong),
            *([fixed(row.value / floor, 1)] if floor is not None else []),
            count(row.n),
            summary.paired(row, fine),
            summary.adjusted_p(row),
            summary.chance(row),
            summary.separation(row, block["higher_is_better"], seeds=True),
            *end,
        ])
    for label, value in frame.references(metric).items():
        body.append([Text(label), fixed(value, max(digits, decimals([value]))), *blank, MISSING, Source()])
    against = frame.cell(frame.baseline)
    head: list[Head | str] = [
        "method",
        Head(labelled(block), summary.nominal(methods.n)),
        *(["× floor"] if floor is not None else []),
        "n",
        Head(f"difference to {against.title if against else 'a baseline'}", LEVEL),
        "p (Holm)",
        Head("P(better)", LEVEL),
        "verdict",
        "status",
        "record",
    ]
    tested = [] if block["higher_is_better"] is None else notes.tests(methods)
    below = summary.marked(frame) + tested + notes.units(frame) + notes.tiers(frame) + notes.seals(frame)
    below += [FLOOR] * (floor is not None) + notes.manifests(frame, [metric])
    return Table(f"{frame.title}: {aimed(block)}", head, body, below)


def further(frame: TaskFrame, found: pd.DataFrame, shown: Collection[str] = ()) -> Table | None:
    """Make a table with a column for each other metric, as IQM with interval, and the optimality gap if defined.

    It has the methods that ran; their records are in the main table.

    shown: metrics that another table of the task shows.
    """
    metrics = [metric for metric in frame.metrics if metric != frame.headline and metric not in shown]
    rows = found[(found.ablation == "") & found.metric.isin(metrics)]
    if rows.empty:
        return None
    digits = {metric: decimals(rows[rows.metric == metric].value) for metric in metrics}
    gaps = bool(rows.optimality_gap.notna().any())
    body = []
    for cell in summary.sorted_cells(frame, found):
        own = rows[rows.cell == cell.name].set_index("metric")
        if own.empty:
            continue
        scores = [
            summary.score(own.loc[metric], digits[metric]) if metric in own.index else MISSING for metric in metrics
        ]
        gap = [fixed(own.optimality_gap.max(), 2)] * gaps
        body.append([title(cell, summary.mark(cell)), *scores, *gap])
    known = {metric: frame.references(metric) for metric in metrics}
    for label in dict.fromkeys(label for references in known.values() for label in references):
        values = [
            fixed(known[metric][label], digits[metric]) if label in known[metric] else MISSING for metric in metrics
        ]
        body.append([Text(label), *values, *[MISSING] * gaps])
    blocks = [frame.metrics[metric] for metric in metrics]
    head: list[Head | str] = ["method"]
    head += [Head(labelled(block), up=block["higher_is_better"]) for block in blocks]
    head += [Head("optimality gap", up=False)] * gaps
    below = ["↑ higher is better, ↓ lower is better; a metric without an arrow has no better side."]
    below += [
        "Optimality gap: how far the runs fall short of the expert on average; a run above it counts as 0."
    ] * gaps
    return Table(f"{frame.title}: further metrics", head, body, below + notes.manifests(frame, metrics))
