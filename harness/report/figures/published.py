"""Draw our learning curves beside those of the paper, for a task that was run under the protocol of a published one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from harness.report.figures.lines import BAND, CENTRE, legend, line
from harness.report.figures.style import REFERENCE, Plot, Style, figure, stretch, svg
from harness.report.records.frame import CellFrame, TaskFrame
from harness.report.records.published import read_off_of
from harness.report.stats.centre import centre
from harness.report.tables.spelling import labelled, wrapped


def draw(frame: TaskFrame, looks: dict[str, Style], declared: dict[str, Any]) -> Plot | None:
    """Draw our lines, and dotted lines with hollow markers through the points read off the paper's figure.

    Returns None if the paper has no curve of the task, or if none of its methods has run.

    declared: the task's block in `report.published`, as in `claims.published`.
    """
    printed = read_off_of(declared["task"])
    metric, names = declared["metric"], declared["names"]
    if printed is None:
        return None
    theirs = {name: printed.curves[names[name]] for name in names if names[name] in printed.curves and name in looks}
    ours = {
        cell.name: _curve(cell, metric)
        for cell in frame.cells
        if cell.name in theirs and cell.record and metric in cell.head["metrics"]
    }
    if not ours:
        return None
    unit = next(_unit(cell) for cell in frame.cells if cell.name in ours)
    fig = figure(3.6)
    ax = fig.subplots()
    for name, points in ours.items():
        line(ax, points, looks[name], markers=False)
        ax.plot(theirs[name].index, theirs[name], ms=7, mfc="none", mew=1.3, **looks[name].points | DOTTED)
    ax.plot([], [], marker="o", ms=7, mfc="none", color=REFERENCE, label="published, by eye", **DOTTED)
    ax.set_xscale("log")
    stretch(ax, "y", np.concatenate([points.middle for points in ours.values()]))
    ax.set(xlabel=unit, ylabel=wrapped(labelled(frame.metrics[metric])))
    legend(fig, [ax])
    shown = ", ".join(looks[name].label for name in ours)
    return Plot(
        f"{frame.name}-published",
        f"{frame.title}: beside the published curves",
        f"Lines: ours. {CENTRE}; {BAND}. Dotted lines with hollow markers: the paper's Fig. {printed.figure}, read by "
        f"eye to an accuracy of about {printed.accuracy:g}.",
        f"{metric} against the {unit} for {shown}, ours and published.",
        svg(fig),
    )


DOTTED: dict[str, Any] = {"ls": ":", "lw": 1.1}
STEP, SAMPLES = "training step", "control steps"


def _curve(cell: CellFrame, metric: str) -> pd.DataFrame:
    points = centre(cell.scores[cell.scores.metric == metric], "step", "value")
    return points.assign(x=points.x * (samples(cell) or 1))


def _unit(cell: CellFrame) -> str:
    return SAMPLES if samples(cell) else STEP


def samples(cell: CellFrame) -> int | None:
    """Return the control steps in one training step of a method that acts in environments; None for other methods."""
    params = cell.head.get("params", {})
    worlds = (params.get("method", {}).get("learner") or {}).get("n_envs")
    horizon = params.get("task", {}).get("horizon")
    return worlds * horizon if worlds and horizon else None
