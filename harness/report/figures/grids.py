"""Draw the learnt rewards of a tabular maze beside the true one."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from harness.report.figures.lines import fit
from harness.report.figures.style import Plot, figure, svg
from harness.report.records.frame import TaskFrame
from harness.report.tables.spelling import wrapped

LEARNT, TRUE, WALLS = "learnt reward", "true reward", "walls"
PANELS = (LEARNT, TRUE, WALLS)
COLUMNS = 4


def draw(frame: TaskFrame) -> list[Plot]:
    """Draw a map of the true reward and one for each method that learns a reward, the mean over its seeds."""
    held = [(cell.title, cell.panels) for cell in frame.cells if cell.panels is not None]
    learnt = [(title, panels) for title, panels in held if (panels.panel == LEARNT).any()]
    if not learnt:
        return []
    first_panels = learnt[0][1]
    maps = {"true reward": _map(first_panels, TRUE)} | {title: _map(panels, LEARNT) for title, panels in learnt}
    walls = first_panels[first_panels.panel == WALLS]
    first = walls[walls.seed == walls.seed.iloc[0]]
    ends = first[["x", "y"]].to_numpy().reshape(-1, 2, 2)
    true = maps["true reward"]
    rows = -(-len(maps) // COLUMNS)
    fig = figure(1.75 * rows + 0.3)
    axes = fig.subplots(rows, COLUMNS, squeeze=False).ravel()
    titles = []
    for ax, (title, values) in zip(axes, maps.items(), strict=False):
        shown = ax.imshow(values[::-1], origin="lower", cmap="viridis", vmin=true.min(), vmax=true.max())
        for (x0, y0), (x1, y1) in ends:
            ax.plot([x0, x1], [y0, y1], color="black", lw=1.6, solid_capstyle="projecting")
        titles.append(ax.set_title(wrapped(title, 18), fontsize=9))
        ax.set_axis_off()
    for ax in axes[len(maps) :]:
        ax.set_visible(False)
    fig.colorbar(shown, ax=list(axes), label="reward of a state", shrink=0.8, aspect=30)
    fit(fig, titles)
    return [
        Plot(
            f"{frame.name}-rewards",
            f"{frame.title}: learnt rewards beside the true one",
            "Mean over the seeds and the actions, in the units of the true reward and shifted to its mean, because a "
            "reward is identified only up to a constant. All maps have the scale of the true reward; values beyond it "
            "are clipped.",
            "Heat maps of the reward of each cell of the maze: the true one, and those learnt by "
            f"{', '.join(title for title, _ in learnt)}.",
            svg(fig),
        )
    ]


def _map(panels: pd.DataFrame, name: str) -> np.ndarray:
    """Return a map [rows, columns] as the mean over seeds; the mazes are square."""
    values = panels[panels.panel == name].groupby("x").y.mean().to_numpy()
    side = math.isqrt(len(values))
    return values.reshape(side, -1)
