"""Make the table that compares D(x) between two Gaussians with the points read off the published figure."""

from __future__ import annotations

import numpy as np

from harness.report.records.frame import TaskFrame
from harness.report.records.gaussians import curves, published_curve
from harness.report.records.published import FIGURE_2, read_off
from harness.report.tables.entries import Entry, Link, Number, Source, Table, source, title


def table(frame: TaskFrame, link: Link) -> Table | None:
    """Compare D(x) with the points read off the published figure; None without such a panel."""
    body: list[list[Entry]] = []
    for name, d in curves(frame).items():
        cell = frame.known(name)
        theirs = published_curve(cell)
        if theirs is None:
            continue
        ours = np.interp(theirs.index, d.x, d.middle)
        body.append([title(cell, ", ours"), *(Number(y, "z.2f") for y in ours), source(cell, link)])
        body.append([title(cell, ", published"), *(Number(y, "z.2f") for y in theirs), Source()])
    if not body:
        return None
    places = next(iter(read_off(FIGURE_2).values())).index
    head = ["curve", *(f"D({x:g})".replace("-", "−") for x in places), "record"]
    notes = [
        (
            "The published values are read by eye from the paper's Fig. 2, to an accuracy of about 0.03. D(2) = 0.85 "
            "at I_c = 0.1 needs a KL of 0.31 to 0.43 nat. If a budget of 0.1 nat is kept, D(2) lies between 0.599 "
            "(many code dimensions) and 0.609 (one)."
        )
    ]
    return Table(f"{frame.title}: D(x) beside the published curves", head, body, notes)
