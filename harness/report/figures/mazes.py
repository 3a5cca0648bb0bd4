"""Draw learnt rewards over the room with the policy's path (the paper's Fig. 7), and policies by reward."""

from __future__ import annotations

import numpy as np

from harness.report.figures.style import REFERENCE, Plot, Style, figure, svg
from harness.report.records.frame import CellFrame, TaskFrame

MAP = "reward map"
PANELS = (MAP, "path x", "path y", "walls")
SHOWN = 5  # the most seeds of a cell
RETURN = "return"


def draw(frame: TaskFrame, looks: dict[str, Style]) -> list[Plot]:
    """Draw the maps of every method that learnt a reward, a row each, and for re-training each policy by its reward."""
    with_map = [cell for cell in frame.cells if cell.record and "reward_gradient" in cell.head["metrics"]]
    plots = [_maps(frame, with_map)] if with_map else []
    trained_on = [cell for cell in frame.cells if cell.record and cell.rewards]
    return plots + ([_by_reward(frame, trained_on, looks)] if trained_on else [])


def _maps(frame: TaskFrame, cells: list[CellFrame]) -> Plot:
    columns = min(SHOWN, max(len(cell.seeds) for cell in cells))
    fig = figure(1.62 * len(cells) + 0.3)
    axes = fig.subplots(len(cells), columns, squeeze=False)
    for row, cell in zip(axes, cells):
        for ax, seed in zip(row, cell.seeds):
            _room(ax, cell, seed)
        for ax in row[len(cell.seeds) :]:
            ax.set_visible(False)
        row[0].set_ylabel(cell.title)
    return Plot(
        f"{frame.name}-rewards",
        f"{frame.title}: learnt rewards",
        "Each map has its own scale, from its lowest reward (dark) to its highest (bright). Black: walls. White: the "
        f"path of the policy's mode from the disc; the star is the target. At most {SHOWN} seeds are drawn.",
        f"Heat maps of the learnt reward over the room, one per seed, for {', '.join(cell.title for cell in cells)}.",
        svg(fig),
    )


def _room(ax, cell: CellFrame, seed: int) -> None:
    assert cell.panels is not None, f"{cell} has a map but no panels"
    panels = cell.panels[cell.panels.seed == seed]
    block = cell.head["manifests"][cell.head["metrics"]["reward_gradient"]["manifest"]]
    (nx, ny), (x0, y0), d = block["points"], block["first_m"], block["spacing_m"]
    values = panels[panels.panel == MAP].sort_values("x").y.to_numpy().reshape(ny, nx)
    extent = (x0 - d / 2, x0 + (nx - 0.5) * d, y0 - d / 2, y0 + (ny - 0.5) * d)
    ax.imshow(values, origin="lower", extent=extent, cmap="viridis", interpolation="nearest")
    walls = panels[panels.panel == "walls"]
    ends = walls[["x", "y"]].to_numpy().reshape(-1, 2, 2)
    for (ax0, ay0), (ax1, ay1) in ends:
        ax.plot([ax0, ax1], [ay0, ay1], color="black", lw=1.6, solid_capstyle="butt")
    path = {axis: panels[panels.panel == f"path {axis}"].sort_values("x").y.to_numpy() for axis in "xy"}
    ax.plot(path["x"], path["y"], color="white", lw=1.3)
    ax.plot(path["x"][:1], path["y"][:1], "o", color="white", ms=3)
    ax.plot(*block["target_m"], "*", color="white", ms=7, mec="black", mew=0.5)
    ax.set_title(f"seed {seed}", fontsize=8, fontweight="normal")
    ax.set(xticks=[], yticks=[], aspect="equal")
    ax.grid(False)


def _by_reward(frame: TaskFrame, cells: list[CellFrame], looks: dict[str, Style]) -> Plot:
    fig = figure(0.5 * len(cells) + 1.0)
    ax = fig.subplots()
    for place, cell in enumerate(cells):
        look = looks[cell.method]
        values = cell.by_unit(RETURN)
        for offset, (_, group) in zip(np.linspace(-0.32, 0.32, cell.n), values.groupby(level=0)):
            ax.plot(group, [place + offset] * len(group), lw=0.8, ms=4.5, mec="white", mew=0.3, **look.points)
    for label, value in frame.references(RETURN).items():
        ax.axvline(value, color=REFERENCE, lw=1, ls=":", label=label)
    ax.set(yticks=range(len(cells)), yticklabels=[cell.title for cell in cells], xlabel="true return at the end")
    ax.grid(axis="y", visible=False)
    ax.invert_yaxis()
    return Plot(
        f"{frame.name}-by-reward",
        f"{frame.title}: every policy, by learnt reward",
        "Each point is one policy; those on one line were trained on the same learnt reward. Outcomes often form two "
        "clusters, solved and stuck, which a mean hides.",
        "True return of every policy, with a line for each learnt reward, grouped by method.",
        svg(fig),
    )
