"""Draw the learning curve of one method: every run as a thin line, their middle thick, the baseline in grey."""

from __future__ import annotations

import numpy as np
import pandas as pd

from harness.report.figures.lines import legend, thin
from harness.report.figures.style import REFERENCE, Plot, Style, panels, stretch, svg
from harness.report.records.frame import CellFrame, TaskFrame
from harness.report.stats.centre import centre
from harness.report.tables.spelling import aimed, wrapped

POINTS = 40  # the most points of a run's line


def draw(frame: TaskFrame, cell: CellFrame, look: Style) -> Plot | None:
    """Draw one method, if it was scored at more than one step."""
    rows = _scores(frame, cell)
    return None if rows is None else _of(frame, cell, rows, look)


def _scores(frame: TaskFrame, cell: CellFrame | None) -> pd.DataFrame | None:
    """Return the headline's scores of a cell, or None if they are not a curve."""
    if not cell or not cell.record:
        return None
    rows = cell.scores[cell.scores.metric == frame.headline]
    return rows if rows.step.nunique() > 1 else None


def _of(frame: TaskFrame, cell: CellFrame, rows: pd.DataFrame, look: Style) -> Plot:
    block, base = frame.metrics[frame.scored_by], frame.cell(frame.baseline)
    beside = _scores(frame, base) if base and base.name != cell.name else None
    fig, (ax,) = panels((5.4, 2.6), (1, 1), (0.95, 0.1, 0.72, 0.1))
    seen = [rows.value.to_numpy()]
    for place, (_, run) in enumerate(rows.groupby("seed")):
        run = thin(run.sort_values("step"), POINTS)
        ax.plot(run.step, run.value, color=look.colour, lw=0.6, alpha=0.6, label=None if place else "one run")
    if base and beside is not None:
        points = centre(beside, "step", "value")
        seen.append(points.middle.to_numpy())
        points = thin(points)
        ax.plot(points.x, points.middle, color=REFERENCE, ls=(0, (4, 1.5)), lw=1.6, label=f"{base.title}, the baseline")
    points = thin(centre(rows, "step", "value"))
    ax.plot(
        points.x,
        points.middle,
        color=look.colour,
        lw=2.4,
        marker=look.marker,
        mew=0,
        markevery=max(1, len(points) // 6),
        label=look.label,
    )
    if not block["higher_is_better"]:  # as in `figures.learning`
        stretch(ax, "y", np.concatenate(seen), wide=8)
    ax.locator_params(axis="x", nbins=6)
    ax.set_xlabel("training step")
    ax.yaxis.set_label_text(wrapped(aimed(block), 30))  # `set_ylabel` would move it to the middle of the axes
    legend(fig, [ax])
    against = f", and that of {base.title} (dashed, grey)" if base and beside is not None else ""
    return Plot(
        f"{frame.name}-curve-{cell.name}",
        f"{frame.title}: learning curve of {look.label}",
        f"Thin lines: one training run each. Thick line: the interquartile mean over the seeds{against}.",
        f"{block['label']} of {look.label} against the training step, {points.middle.iloc[0]:.3g} at the first and "
        f"{points.middle.iloc[-1]:.3g} at the last.",
        svg(fig),
        method=cell.name,
    )
