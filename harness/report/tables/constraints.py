"""Make the table that shows whether the bottleneck was at work: KL and beta over the last quarter of training."""

from __future__ import annotations

import math
from collections.abc import Iterable

from harness.report.records.bottleneck import constraint
from harness.report.records.frame import CellFrame, TaskFrame
from harness.report.tables.entries import Head, Link, Number, Table, Text, fixed, measured, source, title

NOTE = (
    "Means over the last quarter of training, without seeds that failed. Binding: the KL is between 0.85 and 1.1 I_c. "
    "Slack: the KL is below that and beta below 0.001. Below I_c, beta still on: beta overshot and has not come down "
    "yet. Above I_c: the KL exceeds 1.1 I_c."
)


def constraints(frame: TaskFrame, cells: Iterable[CellFrame], link: Link) -> Table | None:
    """Make a table with a row for each of the cells that logged a KL; None if none did."""
    body = []
    for cell in cells:
        state = constraint(cell)
        if state is None:
            continue
        budget = math.nan if state.i_c is None else state.i_c
        body.append([
            title(cell),
            Number(budget),
            measured(state.kl, state.kl_low, state.kl_high),
            fixed(state.kl / budget, 2),
            Number(math.nan if state.beta is None else state.beta, ".2g"),
            Text(state.state or "no budget"),
            source(cell, link),
        ])
    if not body:
        return None
    head: list[Head | str] = [
        "cell",
        "I_c (nat)",
        Head("KL", "lowest, highest seed"),
        "KL / I_c",
        "beta",
        "constraint",
        "record",
    ]
    return Table(f"{frame.title}: is the information constraint at work?", head, body, [NOTE])
