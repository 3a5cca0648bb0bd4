"""Draw an adaptive beta beside fixed ones, as Figure 6 of Peng et al. (2019): score, KL, accuracy and beta over time.

An ablation over beta takes away the method's budget I_c, so that the method itself is no point of it. Its panels show
where each fixed beta ends; these show what adapting changes on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from harness.report.figures.lines import CENTRE, legend, thin
from harness.report.figures.style import DASHES, REFERENCE, Plot, Style, figure, shades, stretch, svg
from harness.report.records.bottleneck import i_c
from harness.report.records.frame import CellFrame, Sweep, TaskFrame, shown
from harness.report.stats.centre import centre
from harness.report.tables.spelling import aimed, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SWEPT = "beta"
LOGS = {"kl": "KL (nat)", "accuracy": "accuracy of the trained net", "beta": "beta"}
Lines = Callable[[CellFrame], pd.DataFrame | None]


def draw(frame: TaskFrame, swept: Sweep, looks: dict[str, Style]) -> Plot | None:
    """Draw the method, its fixed betas and the reference; None for another parameter, or without both kinds of run."""
    method, reference = frame.cell(swept.of), frame.cell(swept.reference)
    fixed = [cell for cell in swept.cells if cell.record]
    if swept.parameter != SWEPT or not fixed or method is None or (budget := i_c(method)) is None:
        return None
    fig = figure(5.6)
    axes = fig.subplots(2, 2).ravel()
    drawn = [*zip(fixed, shades(len(fixed)), DASHES * len(fixed))]
    for ax, (lines, title) in zip(axes, _panels(frame)):
        if reference is not None and reference is not method:
            _line(ax, lines(reference), looks[reference.name].label, color=REFERENCE, lw=1.6)
        for cell, colour, dash in drawn:
            _line(ax, lines(cell), f"{SWEPT} = {shown(cell.swept)}", color=colour, ls=dash, lw=1.4)
        look = looks[method.name]
        _line(ax, lines(method), f"{look.label}, adaptive", color=look.colour, lw=2.4)
        ax.set(title=title, xlabel="training step")
    score, kl, _, beta = axes
    if not frame.metrics[frame.scored_by]["higher_is_better"]:  # as in `figures.learning`
        stretch(score, "y", _values(score), wide=8)
    kl.axhline(budget, color=REFERENCE, ls="--", lw=1.2, label=f"I_c = {budget:g}")
    for ax in (kl, beta):
        stretch(ax, "y", _values(ax), wide=8)
    legend(fig, axes)
    return Plot(
        f"{frame.name}-adaptive-{swept.name}",
        f"{frame.title}: adaptive and fixed beta",
        f"{CENTRE}, as in Figure 6 of the paper. On the dashed line the KL equals I_c.",
        f"Score, KL, accuracy and beta of {looks[method.name].label} against the training step, beside "
        f"{len(fixed)} fixed values of beta.",
        svg(fig),
    )


def _panels(frame: TaskFrame) -> list[tuple[Lines, str]]:
    """Return the lines and the title of each panel: the headline metric, then the logs."""

    def scores(cell: CellFrame) -> pd.DataFrame | None:
        rows = cell.scores[cell.scores.metric == frame.scored_by] if cell.record else None
        return None if rows is None or rows.empty else centre(rows, "step", "value")

    def log(name: str) -> Lines:
        return lambda cell: (
            None if cell.curves is None or name not in cell.curves else centre(cell.curves, "step", name)
        )

    label = wrapped(aimed(frame.metrics[frame.scored_by]), 40)
    return [(scores, label), *((log(name), title) for name, title in LOGS.items())]


def _line(ax: Axes, points: pd.DataFrame | None, label: str, **look) -> None:
    if points is not None:
        points = thin(points)
        ax.plot(points.x, points.middle, label=label, **look)


def _values(ax: Axes) -> np.ndarray:
    """Return all that the lines of a panel show."""
    return np.concatenate([np.empty(0), *(np.asarray(line.get_ydata(), float) for line in ax.lines)])
