"""Return D(x) of the discriminators between two Gaussians, ours and the published ones."""

from __future__ import annotations

import pandas as pd

from harness.report.records.bottleneck import i_c
from harness.report.records.frame import CellFrame, TaskFrame
from harness.report.records.published import FIGURE_2, read_off
from harness.report.stats.centre import centre

PANEL = "D(x)"


def curves(frame: TaskFrame) -> dict[str, pd.DataFrame]:
    """Return D(x) over seeds for each cell's name, as `centre` gives it, of the cells that have a value of that panel.

    A cell whose seeds all died has none.
    """
    found = {}
    for cell in frame.cells:
        if cell.panels is not None:
            rows = cell.panels[cell.panels.panel == PANEL]
            if rows.y.notna().any():
                found[cell.name] = centre(rows, "x", "y")
    return found


def published_curve(cell: CellFrame) -> pd.Series | None:
    """Return the published D(x) for this cell's I_c, indexed by x; None if the paper has none."""
    budget = i_c(cell)
    return read_off(FIGURE_2).get("none" if budget is None else f"{budget:g}")
