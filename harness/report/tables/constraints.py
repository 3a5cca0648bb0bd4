"""Was the bottleneck at work: KL and beta over the last quarter of training."""

from __future__ import annotations

import math
from collections.abc import Iterable

from harness.report.records.bottleneck import constraint
from harness.report.records.frame import CellFrame, TaskFrame
from harness.report.tables.entries import Head, Link, Number, Table, Text, fixed, measured, source, title

NOTE = (
    "Means over the last quarter of training, seeds that failed left out. Binding: KL from 0.85 to 1.1 I_c. Slack: KL "
    "below that and beta under 0.001. Below I_c, beta still on: beta overshot and has not come down. Above I_c: KL "
    "beyond 1.1 I_c."
)


def constraints(frame: TaskFrame, cells: Iterable[CellFrame], link: Link) -> Table | None:
    """One row for each of `cells` that logged a KL; None where none did."""
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
