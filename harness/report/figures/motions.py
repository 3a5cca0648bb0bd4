"""Draw how long a character follows its clip and how closely until then, which the error combines (pi after a fall).

A policy that stands still and one that runs and falls may have the same error. These two panels tell them apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from harness.report.figures.lines import BAND, CENTRE, FEW, compare, legend, line
from harness.report.figures.style import REFERENCE, Plot, Style, figure, svg
from harness.report.records.frame import TaskFrame
from harness.report.stats.centre import centre
from harness.report.tables.motions import CLOSE, LONG, PANELS
from harness.report.tables.spelling import aimed, wrapped

TITLES = {LONG: "how long", CLOSE: "how closely until the fall"}
Lines = dict[str, pd.DataFrame]  # method -> the points of its line


def draw(frame: TaskFrame, looks: dict[str, Style]) -> list[Plot]:
    """Draw the seconds until the fall, and the error until then, of every method; nothing for other tasks.

    A few methods have the two side by side, so that they share one figure; more have a panel each, in two figures.
    """
    cells = [cell for cell in frame.cells if cell.record and {*PANELS} <= cell.head["metrics"].keys()]
    if not cells or all(cell.scores.step.nunique() < 2 for cell in cells):
        return []
    lines = {
        metric: {cell.name: centre(cell.scores[cell.scores.metric == metric], "step", "value") for cell in cells}
        for metric in PANELS
    }
    ends = {cell.name: float(np.mean(cell.endpoint(LONG))) for cell in cells}
    longest, shortest = max(ends, key=ends.__getitem__), min(ends, key=ends.__getitem__)
    alt = (
        f"Seconds until the fall and error until then for {len(cells)} methods: from {looks[longest].label}, "
        f"{ends[longest]:.3g} s at the end, to {looks[shortest].label}, {ends[shortest]:.3g} s."
    )
    if len(cells) <= FEW:
        return [_together(frame, lines, looks, alt)]
    return [_apart(frame, metric, lines[metric], looks, alt) for metric in PANELS]


def _together(frame: TaskFrame, lines: Mapping[str, Lines], looks: dict[str, Style], alt: str) -> Plot:
    fig = figure(2.9 + 0.2 * -(-len(lines[LONG]) // 4))
    axes = fig.subplots(1, 2)
    for ax, metric in zip(axes, PANELS, strict=True):
        for name, points in lines[metric].items():
            line(ax, points, looks[name])
        for value in frame.references(metric).values():
            ax.axhline(value, color=REFERENCE, ls="--", lw=1)
        ax.set(xlabel="training step", ylabel=wrapped(aimed(frame.metrics[metric]), 30))
    axes[0].set_ylim(0, None)
    legend(fig, axes)
    said = f"{CENTRE}; {BAND}. The right panel includes only the steps before a fall." + _dashed(frame, PANELS)
    return Plot(f"{frame.name}-motion", f"{frame.title}: how long and how closely", said, alt, svg(fig))


def _apart(frame: TaskFrame, metric: str, lines: Lines, looks: dict[str, Style], alt: str) -> Plot:
    fig = compare(lines, looks, "training step", aimed(frame.metrics[metric]), frame.references(metric).values())
    before = " Only the steps before a fall count." if metric == CLOSE else ""
    said = f"{CENTRE}; {BAND}. Grey: the other methods.{before}" + _dashed(frame, [metric])
    return Plot(f"{frame.name}-motion-{metric}", f"{frame.title}: {TITLES[metric]}", said, alt, svg(fig))


def _dashed(frame: TaskFrame, metrics: Sequence[str]) -> str:
    known = dict.fromkeys(name for metric in metrics for name in frame.references(metric))
    return f" Dashed: {', '.join(known)}." if known else ""
