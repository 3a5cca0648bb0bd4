"""Learnt rewards over the room with the path that the policy took (the paper's Fig. 7), and what re-training adds."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from harness.report.frame import Cell, TaskFrame
from harness.report.style import REFERENCE, Plot, Style, figure, svg
from harness.report.words import Link, Table, Text, record

MAP = "reward map"
PANELS = (MAP, "path x", "path y", "walls")
SHOWN = 5  # seeds of a cell
STUCK, RETURN = "stuck", "return"


def draw(frame: TaskFrame, looks: dict[str, Style]) -> list[Plot]:
    """The maps of every method that learnt a reward, a row each, and every seed's return."""
    if frame.family != "maze":
        return []
    with_map = [cell for cell in frame.cells if cell.record and "reward_gradient" in cell.record["metrics"]]
    plots = [_maps(frame, with_map)] if with_map else []
    run = [cell for cell in frame.cells if cell.record]
    return plots + ([_every_seed(frame, run, looks)] if run else [])


def _maps(frame: TaskFrame, cells: list[Cell]) -> Plot:
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
        f"{frame.name}-rewards", f"{frame.title}: learnt rewards",
        "Each map has its own scale, from its lowest reward (dark) to its highest (bright). Black: walls. White: the "
        "path of the policy's mode from the disc; the star is the target.",
        f"Heat maps of the learnt reward over the room, one per seed, for {', '.join(cell.title for cell in cells)}.",
        svg(fig),
    )  # fmt: skip


def _room(ax, cell: Cell, seed: int) -> None:
    panels = cell.panels[cell.panels.seed == seed]
    block = cell.record["manifests"][cell.record["metrics"]["reward_gradient"]["manifest"]]
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


def _every_seed(frame: TaskFrame, cells: list[Cell], looks: dict[str, Style]) -> Plot:
    fig = figure(0.36 * len(cells) + 1.0)
    ax = fig.subplots()
    for place, cell in enumerate(cells):
        look, values = looks[cell.method], cell.endpoint(RETURN)
        spread = np.linspace(-0.22, 0.22, len(values)) if len(values) > 1 else np.zeros(1)
        ax.scatter(values, place + spread, s=16, edgecolor="white", linewidth=0.3, **look.points)
    for label, value in frame.references(RETURN).items():
        ax.axvline(value, color=REFERENCE, lw=1, ls=":", label=label)
    ax.set(yticks=range(len(cells)), yticklabels=[cell.title for cell in cells], xlabel="true return at the end")
    ax.invert_yaxis()
    return Plot(
        f"{frame.name}-seeds", f"{frame.title}: every seed",
        "One point a run: outcomes are often two clusters, solved and stuck, which a mean hides.",
        "True return of every run, a row for each method.", svg(fig),
    )  # fmt: skip


def table(frame: TaskFrame, params: dict, link: Link) -> Table | None:
    """How much of the spread comes from learning the reward and how much from training on it again."""
    source = frame.params.get("rewards")
    run = [cell for cell in frame.cells if cell.record]
    if not source or not run:
        return None
    n_rewards = len(params["tasks"][source]["seeds"])
    body = []
    for cell in run:
        values = pd.Series(cell.endpoint(RETURN), index=[seed % n_rewards for seed in cell.seeds])
        between, within = split(values)
        body.append([
            Text(cell.title), Text(f"{values.mean():.1f}"), Text(f"{values.std():.1f}"), Text(_root(between)), Text(_root(within)),
            Text(f"{cell.endpoint(STUCK).mean():.0%}" if STUCK in cell.record["metrics"] else ""),
            Text(", ".join(" ".join(f"{v:.1f}" for v in group) for _, group in values.groupby(level=0))), record(cell, link),
        ])  # fmt: skip
    head = ["method", "mean", "sd", "sd of rewards", "sd of re-training", "episodes stuck", "returns, by reward", "record"]
    notes = [
        "Sd of rewards: between the means of learnt rewards, less what re-training alone adds (0 where that is more); "
        "sd of re-training: between policies on one and the same reward."
    ]
    return Table(f"{frame.title}: learning the reward and training on it", head, body, notes)


def split(values: pd.Series) -> tuple[float, float]:
    """(variance between groups, variance within), one-way random effects; nan where a part cannot be told."""
    groups = values.groupby(level=0)
    within = float(groups.var().mean())
    if groups.ngroups < 2 or math.isnan(within):
        return math.nan, within
    return max(0.0, float(groups.mean().var()) - within / float(groups.size().mean())), within


def _root(variance: float) -> str:
    return "" if math.isnan(variance) else f"{math.sqrt(variance):.1f}"
