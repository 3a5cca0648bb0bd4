"""Draw how long a character follows its clip and how closely until then, which the error combines (pi after a fall).

A policy that stands still and one that runs and falls may have the same error. These two panels tell them apart.
"""

from __future__ import annotations

import numpy as np

from harness.report.figures.lines import BAND, CENTRE, legend, line
from harness.report.figures.style import REFERENCE, Plot, Style, figure, svg
from harness.report.records.frame import TaskFrame
from harness.report.stats.centre import centre
from harness.report.tables.spelling import aimed, wrapped

LONG, CLOSE = PANELS = ("time", "error_alive")
BANDED = 5  # the most methods whose bands are legible on top of each other


def draw(frame: TaskFrame, looks: dict[str, Style]) -> Plot | None:
    """Draw the seconds until the fall, and the error until then, of every method; None for other tasks."""
    cells = [cell for cell in frame.cells if cell.record and {*PANELS} <= cell.head["metrics"].keys()]
    if not cells or all(cell.scores.step.nunique() < 2 for cell in cells):
        return None
    fig = figure(2.9 + 0.2 * -(-len(cells) // 4))
    axes = fig.subplots(1, 2)
    for ax, metric in zip(axes, PANELS, strict=True):
        for cell in cells:
            points = centre(cell.scores[cell.scores.metric == metric], "step", "value")
            line(ax, points, looks[cell.name], band=len(cells) <= BANDED)
        for value in frame.references(metric).values():
            ax.axhline(value, color=REFERENCE, ls="--", lw=1)
        ax.set(xlabel="training step", ylabel=wrapped(aimed(frame.metrics[metric]), 30))
    axes[0].set_ylim(0, None)
    legend(fig, axes)
    known = dict.fromkeys(name for metric in PANELS for name in frame.references(metric))
    ends = {cell.name: float(np.mean(cell.endpoint(LONG))) for cell in cells}
    longest, shortest = max(ends, key=ends.__getitem__), min(ends, key=ends.__getitem__)
    return Plot(
        f"{frame.name}-motion",
        f"{frame.title}: how long and how closely",
        CENTRE
        + f"; {BAND}" * (len(cells) <= BANDED)
        + ". The right panel includes only the steps before a fall."
        + (f" Dashed: {', '.join(known)}." if known else ""),
        f"Seconds until the fall and error until then for {len(cells)} methods: from {looks[longest].label}, "
        f"{ends[longest]:.3g} s at the end, to {looks[shortest].label}, {ends[shortest]:.3g} s.",
        svg(fig),
    )
