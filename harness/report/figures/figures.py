"""Draw the figures that every task has (scores, learning curves, training logs), and list all figures of a task.

Each function takes a checked frame and the styles, and returns a Plot, or None if the records have nothing to draw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from harness.report.figures import ablation, adaptive, curves, diagnosis, grids, mazes, motions, published, toy
from harness.report.figures.lines import BAND, CENTRE, FEW, compare, legend, line
from harness.report.figures.style import REFERENCE, Plot, Style, dwarfed, figure, stretch, svg, theme
from harness.report.records.bottleneck import i_c
from harness.report.records.frame import TaskFrame
from harness.report.stats.centre import centre
from harness.report.tables.spelling import aimed, decimals, labelled, number

LOGS = {
    "accuracy": "accuracy of the trained net",
    "kl": "KL (nat)",
    "beta": "beta",
    "loss_critic": "critic's loss",
    "loss_generator": "generator's loss",
    "loss": "loss",
}
OTHERS = " Grey: the other methods."
SAMPLES = " N is the number of generated samples."


@dataclass(frozen=True)
class Part:
    """One or a few figures, with a frame that contains only what they show.

    kind: a key of KINDS.
    """

    kind: str
    frame: TaskFrame


def parts(frame: TaskFrame, declared: dict[str, Any] | None = None) -> list[Part]:
    """Return the parts of the figures of one task, in the order of the pages.

    declared: the task's block in `report.published`, if any.
    """
    own = ("published",) if declared else ()
    whole = ("toy", "mazes", "grids", "scores", "learning", *own, "motions", "training")
    made = [Part(kind, frame) for kind in whole]
    made += [Part("curve", _only(frame, {cell.name}, {cell.name, frame.baseline})) for cell in frame.cells]
    made += [Part("diagnosis", _only(frame, {cell.name}, {cell.name})) for cell in frame.cells]
    made.append(Part("panels", frame))
    for swept in frame.ablations:
        made.append(Part("ablation", replace(_only(frame, set(), {swept.of, swept.reference}), ablations=[swept])))
    return made


def _only(frame: TaskFrame, about: set[str], kept: set[str | None]) -> TaskFrame:
    """Return the frame with only some of its cells, those that it is about first."""
    cells = [cell for cell in frame.cells if cell.name in kept]
    return replace(frame, cells=sorted(cells, key=lambda cell: cell.name not in about), ablations=[])


def draw_part(
    part: Part, summary: pd.DataFrame, looks: dict[str, Style], declared: dict[str, Any] | None = None
) -> list[Plot]:
    """Draw the figures of one part."""
    with theme():
        return [plot for plot in KINDS[part.kind](part.frame, summary, looks, declared or {}) if plot]


def draw(
    frame: TaskFrame,
    summary: pd.DataFrame,
    looks: dict[str, Style],
    declared: dict[str, Any] | None = None,
) -> list[Plot]:
    """Draw every figure of one task, in the order of the pages.

    declared: the task's block in `report.published`, if any.
    """
    return [plot for part in parts(frame, declared) for plot in draw_part(part, summary, looks, declared)]


def scores(frame: TaskFrame, summary: pd.DataFrame, looks: dict[str, Style]) -> Plot | None:
    """Draw the headline metric: every seed as a point, the IQM with its interval, the best method on top."""
    metric = frame.headline
    rows = summary[(summary.metric == metric) & (summary.ablation == "")]
    if metric is None or rows.empty:
        return None
    block = frame.metrics[metric]
    up = block["higher_is_better"]  # without a direction the largest value is on top
    rows = rows.sort_values("value", ascending=up is False, kind="stable")
    fig = figure(0.9 + 0.3 * len(rows))
    ax = fig.subplots()
    ends = {name: frame.known(name).endpoint(metric) for name in rows.cell}
    for place, row in enumerate(rows.itertuples()):
        look, x = looks[row.cell], ends[row.cell]
        ax.plot(x, [place] * len(x), ls="", alpha=0.45, mew=0, **look.points)
        if np.isfinite(row.ci_low):
            ax.plot([row.ci_low, row.ci_high], [place, place], color=look.colour, lw=2.4)
        ax.plot(row.value, place, ls="", marker="|", ms=15, mew=2.6, color=look.colour)
    ax.set_yticks(range(len(rows)), [looks[name].label for name in rows.cell])
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)
    for label, value in frame.references(metric).items():
        ax.axvline(value, color=REFERENCE, ls="--", lw=1.2, label=f"{label}: {number(value, decimals([value]))}")
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0.2)
    if not up:  # a value that approaches 0 as it gets better may span decades
        stretch(ax, "x", np.concatenate([*ends.values(), list(frame.references(metric).values())]))
    ax.set_xlabel(aimed(block))
    best, worst = rows.iloc[0], rows.iloc[-1]
    return Plot(
        f"{frame.name}-scores",
        f"{frame.title}: score of every run",
        "Each point is one training run at the last step; a failed run is at the floor score. The tick is the "
        "interquartile mean, the bar its 95 % interval." + " The best method is on top." * (up is not None),
        f"Dot plot of {block['label']} for {len(rows)} methods, from {looks[best.cell].label} at "
        f"{best.value:.3g} to {looks[worst.cell].label} at {worst.value:.3g}.",
        svg(fig),
    )


def learning(frame: TaskFrame, looks: dict[str, Style]) -> Plot | None:
    """Draw the headline metric against the step; with more than FEW methods each has its own panel."""
    metric = frame.headline
    lines = {
        cell.name: centre(cell.scores[cell.scores.metric == metric], "step", "value")
        for cell in frame.cells
        if cell.record
    }
    if metric is None or not lines or max(map(len, lines.values())) < 2:
        return None
    known = frame.references(metric)
    label = aimed(frame.metrics[metric])
    up = frame.metrics[metric]["higher_is_better"]  # if so, the scale suits the best scores, not the start
    fig = compare(lines, looks, "training step", label, known.values(), wide=np.inf if up else 8)
    caption = f"{CENTRE}; {BAND}." + OTHERS * (len(lines) > FEW)
    caption += f" Dashed: {', '.join(known)}." if known else ""
    names = ", ".join(looks[name].label for name in lines)
    return Plot(
        f"{frame.name}-learning",
        f"{frame.title}: learning curves",
        caption,
        f"Learning curves of {frame.metrics[metric]['label']} for {names}.",
        svg(fig),
    )


def training(frame: TaskFrame, looks: dict[str, Style]) -> Plot | None:
    """Draw the logs of training against the step, with a panel for each log that changes."""
    logs = {cell.name: cell.curves for cell in frame.cells if cell.curves is not None}
    moving = {log: [name for name, own in logs.items() if log in own and own[log].nunique() > 1] for log in LOGS}
    having = {log: some for log, some in moving.items() if some}
    if not having:
        return None
    budgets = {budget for cell in frame.cells if "kl" in having and (budget := i_c(cell)) is not None}
    columns = min(2, len(having))
    rows = -(-len(having) // columns)
    fig = figure(2.3 * rows + 0.3 + 0.2 * -(-len(logs) // 4))
    axes = fig.subplots(rows, columns, squeeze=False).ravel()
    for ax, (log, some) in zip(axes, having.items(), strict=False):
        lines = {name: centre(logs[name], "step", log) for name in some}
        for name, points in lines.items():
            line(ax, points, looks[name], band=len(logs) <= FEW)
        drawn = np.concatenate([points.middle for points in lines.values()])
        if log == "kl" or (log.startswith("loss") and np.nanmin(drawn) < 0):
            dwarfed(ax, drawn, share=50 if log == "kl" else 10)
        if log == "kl" and len(budgets) == 1:
            ax.axhline(*budgets, color=REFERENCE, ls="--", lw=1.2)
        ax.set(title=LOGS[log], xlabel="training step", ylabel="")
    for ax in axes[len(having) :]:
        ax.set_visible(False)
    legend(fig, axes[: len(having)])
    return Plot(
        f"{frame.name}-training",
        f"{frame.title}: training logs",
        f"{CENTRE}. A method appears only in the panels of the logs that it has."
        + (f" Dashed: I_c, {min(budgets):g} nat." if len(budgets) == 1 else ""),
        f"{', '.join(LOGS[log] for log in having)} against the training step.",
        svg(fig),
    )


def panels(frame: TaskFrame, looks: dict[str, Style]) -> list[Plot]:
    """Draw recorded curves that are not time series and have no other picture, as y against x."""
    held = {cell.name: cell.panels for cell in frame.cells if cell.panels is not None}
    names = dict.fromkeys(name for own in held.values() for name in own.panel)
    own = [name for name in names if name not in toy.PANELS + mazes.PANELS + grids.PANELS]
    return [plot for name in own if (plot := _panel(frame, held, name, looks))]


def _panel(frame: TaskFrame, held: dict[str, pd.DataFrame], name: str, looks: dict[str, Style]) -> Plot | None:
    rows = {cell: own[(own.panel == name) & own.y.notna()] for cell, own in held.items()}
    lines = {cell: centre(some, "x", "y") for cell, some in rows.items() if len(some)}
    if not lines:  # every seed of every cell died
        return None
    y_name, _, x_name = name.partition(" against ")
    said = next((labelled(block) for metric, block in frame.metrics.items() if metric.startswith(f"{y_name}_")), y_name)
    fig = compare(lines, looks, x_name or "x", said)
    caption = f"{CENTRE}; {BAND}." + OTHERS * (len(lines) > FEW) + SAMPLES * (x_name == "1/N")
    shown = f"{said} against {x_name}" if x_name else said
    slug = "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())
    return Plot(
        f"{frame.name}-{slug}", f"{frame.title}: {shown}", caption, f"{shown} for {len(lines)} methods.", svg(fig)
    )


Drawn = Iterable[Plot | None]
KINDS: dict[str, Callable[[TaskFrame, pd.DataFrame, dict[str, Style], dict[str, Any]], Drawn]] = {
    "toy": lambda frame, summary, looks, declared: toy.draw(frame, looks),
    "mazes": lambda frame, summary, looks, declared: mazes.draw(frame, looks),
    "grids": lambda frame, summary, looks, declared: grids.draw(frame),
    "scores": lambda frame, summary, looks, declared: [scores(frame, summary, looks)],
    "learning": lambda frame, summary, looks, declared: [learning(frame, looks)],
    "published": lambda frame, summary, looks, declared: [published.draw(frame, looks, declared)],
    "motions": lambda frame, summary, looks, declared: motions.draw(frame, looks),
    "training": lambda frame, summary, looks, declared: [training(frame, looks)],
    "curve": lambda frame, summary, looks, declared: [curves.draw(frame, frame.cells[0], looks[frame.cells[0].name])],
    "diagnosis": lambda frame, summary, looks, declared: diagnosis.draw(frame, looks),
    "panels": lambda frame, summary, looks, declared: panels(frame, looks),
    "ablation": lambda frame, summary, looks, declared: [
        plot
        for swept in frame.ablations
        for plot in (ablation.draw(frame, swept, summary, looks), adaptive.draw(frame, swept, looks))
    ],
}
