"""Draw the figure of one ablation: score and KL against the swept value, and beta and accuracy over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from harness.report.figures.lines import balanced, thin
from harness.report.figures.style import DASHES, REFERENCE, Plot, Style, figure, shades, stretch, svg
from harness.report.records.bottleneck import constraint
from harness.report.records.frame import Sweep, TaskFrame, shown
from harness.report.stats.centre import centre
from harness.report.tables.spelling import labelled, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BESIDE = {"reward_gradient": "roughness of the learnt reward"}  # metrics that have their own panel beside the score
BUDGET = "i_c"  # the parameter whose values are a KL in nat, so that an identity line makes sense
MARKS = {"binding": "o", "slack": "o", "above I_c": "^", "below I_c, beta still on": "v"}


def draw(frame: TaskFrame, swept: Sweep, summary: pd.DataFrame, looks: dict[str, Style]) -> Plot | None:
    """Draw up to five panels and leave out those without data. Returns None if no cell has run."""
    rows = summary[(summary.ablation == swept.name) & summary.metric.notna()]
    if rows.empty:
        return None
    run = [cell for cell in swept.points if cell.record]
    over_time = {
        log: title
        for log, title in (("beta", "beta over time"), ("accuracy", "accuracy of the trained net"))
        if any(_varies(cell.curves, log) for cell in run)
    }
    kl = any(constraint(cell) for cell in run)
    beside = {metric: title for metric, title in BESIDE.items() if metric in set(rows.metric)}
    panels = 1 + kl + len(over_time) + len(beside)
    fig = figure(2.75 * -(-panels // 2) + 0.5)
    axes = list(fig.subplots(-(-panels // 2), 2, squeeze=False).ravel())
    for ax in axes[panels:]:
        ax.set_visible(False)
    free = iter(axes)
    _score(next(free), frame, swept, summary, looks, frame.scored_by, "score")
    for metric, title in beside.items():
        _score(next(free), frame, swept, summary, looks, metric, title)
    if kl:
        _kl(next(free), swept, looks[swept.of])
    for log, title in over_time.items():
        ax = next(free)
        _time(ax, swept, log)
        ax.set(title=title, xlabel="training step")
    if over_time:
        words = {"title": f"{swept.parameter} of {looks[swept.of].label}", "title_fontsize": 8.5}
        handles, labels = ax.get_legend_handles_labels()
        if panels % 2:  # use the empty place beside the last panel
            axes[panels].set(visible=True)
            axes[panels].set_axis_off()
            axes[panels].legend(handles, labels, loc="center left", ncol=2, **words)
        else:
            fig.legend(handles, labels, loc="outside lower center", ncol=balanced(len(labels), 6), **words)
    metric = frame.metrics[frame.scored_by]["label"]
    return Plot(
        f"{frame.name}-{swept.name}",
        f"{frame.title}: {swept.parameter} of {looks[swept.of].label}",
        "Score: interquartile mean, 95 % interval and every seed; the band is "
        f"{looks[swept.reference].label} with its interval."
        + (
            " KL: mean of the last quarter of training, with a bar from the lowest to the highest seed. "
            "On the dashed line the KL equals I_c. Hollow marks: the constraint is slack."
            if kl and swept.parameter == BUDGET
            else " KL: mean of the last quarter of training."
            if kl
            else ""
        ),
        f"{metric} against {swept.parameter} for {len(run)} values"
        + (", KL against it" if kl else "")
        + "".join(f", {title}" for title in over_time.values())
        + ".",
        svg(fig),
    )


def _score(
    ax: Axes, frame: TaskFrame, swept: Sweep, summary: pd.DataFrame, looks: dict[str, Style], metric: str, title: str
) -> None:
    """Draw one metric; a panel for every metric would be too crowded, so only the headline and BESIDE have one."""
    rows = summary[summary.metric == metric]
    base = rows[(rows.cell == swept.reference) & (rows.ablation == "")]
    if len(base):
        base, colour = base.iloc[0], looks[swept.reference].colour
        ax.axhline(base.value, color=colour, ls="--", lw=1.4, label=looks[swept.reference].label)
        if np.isfinite(base.ci_low):
            ax.axhspan(base.ci_low, base.ci_high, color=colour, alpha=0.15, lw=0)
    look = looks[swept.of]
    points = [cell for cell in swept.points if cell.name in set(rows.cell)]
    for cell in points:
        y = cell.endpoint(metric)
        ax.plot([swept.place(cell)] * len(y), y, ls="", alpha=0.4, mew=0, **look.points)
    rows = rows.set_index("cell").loc[[cell.name for cell in points]]
    bars = np.maximum([rows.value - rows.ci_low, rows.ci_high - rows.value], 0)
    ax.errorbar(
        [swept.place(cell) for cell in points],
        rows.value,
        bars,
        color=look.colour,
        capsize=3,
        lw=1.6,
        ls="-" if swept.numeric else "",
        label=look.label,
    )
    _scale(ax, swept)
    label = wrapped(labelled(frame.metrics[metric]), 30)
    ax.set(title=title, xlabel=_named(swept), ylabel=label)
    ax.legend(loc="best", handlelength=2, frameon=True, framealpha=0.85, edgecolor="none")


def _kl(ax: Axes, swept: Sweep, look: Style) -> None:
    identity = swept.parameter == BUDGET and swept.numeric
    ends = []
    for cell in swept.points:
        state = constraint(cell)
        if state is None:
            continue
        ends += [state.kl_low, state.kl_high]
        word = state.state if len(state.states) == 1 else "seeds differ"
        filled = word != "slack"
        ax.plot([swept.place(cell)] * 2, [state.kl_low, state.kl_high], color=look.colour, lw=1.6)
        ax.plot(
            swept.place(cell),
            state.kl,
            ls="",
            ms=8,
            mew=1.5,
            color=look.colour,
            marker=MARKS.get(word, "D") if identity else look.marker,
            mfc=look.colour if filled else "white",
            label=word if identity else None,
        )
    if identity:
        budgets = [budget for budget in map(swept.place, swept.points) if budget > 0]
        line = [min(budgets), max(budgets)]
        ax.plot(line, line, color=REFERENCE, ls="--", lw=1.2, label="KL = I_c", zorder=1)
        ends += line
        handles, labels = ax.get_legend_handles_labels()
        once = dict(zip(labels, handles, strict=True))
        ax.legend(once.values(), once.keys(), loc="upper left", handlelength=2)
    _scale(ax, swept)
    stretch(ax, "y", np.array(ends), wide=5)
    ax.set(title=f"KL and {swept.parameter}", xlabel=_named(swept), ylabel="KL (nat)")


def _time(ax: Axes, swept: Sweep, log: str) -> None:
    drawn: list[pd.Series] = []
    for place, (cell, colour) in enumerate(zip(swept.points, shades(len(swept.points)), strict=True)):
        if _varies(cell.curves, log):
            points = thin(centre(cell.curves, "step", log))
            drawn.append(points.middle)
            ax.plot(points.x, points.middle, color=colour, ls=DASHES[place % len(DASHES)], label=shown(cell.swept))
    if log == "beta" and min(map(min, drawn)) > 1e-4:
        stretch(ax, "y", np.concatenate(drawn), wide=5)
    elif log == "beta":
        ax.set_yscale("symlog", linthresh=1e-3)
        ax.yaxis.set_major_formatter("{x:g}")
        ax.autoscale_view()


def _varies(curves: pd.DataFrame | None, log: str) -> bool:
    """Return whether a log exists and changes within some seed; a fixed beta needs no picture."""
    if curves is None or log not in curves:
        return False
    return bool((curves.groupby("seed")[log].nunique() > 1).any())


def _scale(ax: Axes, swept: Sweep) -> None:
    """Scale the axis of swept values: logarithmic, with a tick for each value and 0 left of the smallest.

    Words are evenly spaced.
    """
    values = [swept.place(cell) for cell in swept.points]
    positive = [value for value in values if value > 0]
    if swept.numeric and positive and max(positive) / min(positive) >= 8:
        if min(values) > 0:
            ax.set_xscale("log")
        else:
            ax.set_xscale("symlog", linthresh=min(positive))
    ax.set_xticks(values, [shown(cell.swept) for cell in swept.points])
    if not swept.numeric:
        ax.set_xlim(-0.5, len(values) - 0.5)
    ax.minorticks_off()


def _named(swept: Sweep) -> str:
    return f"{swept.parameter} (nat)" if swept.parameter == BUDGET else swept.parameter
