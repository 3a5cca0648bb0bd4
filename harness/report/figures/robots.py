"""Draw imitation over several robots: performance profiles and times to a target of methods that ran on all of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.report.figures.lines import balanced
from harness.report.figures.style import REFERENCE, Plot, Style, figure, svg, theme
from harness.report.records.frame import CellFrame, TaskFrame
from harness.report.records.robots import TARGET, common, robots, run_times, scores
from harness.report.stats import profiles
from harness.report.stats import statistics as st

WIDE, THIN = 5.0, 1.2  # widths in points of lines that may coincide


def draw(frames: Sequence[TaskFrame], looks: dict[str, Style]) -> list[Plot]:
    """Draw both figures; none with fewer than two robots."""
    cells = common(frames)
    if not cells:
        return []
    with theme():
        return [_profile(cells, looks, ", ".join(frame.title for frame in robots(frames))), _times(cells, looks)]


def _profile(cells: dict[str, list[CellFrame]], looks: dict[str, Style], robots: str) -> Plot:
    fig = figure(3.4)
    ax = fig.subplots()
    for name, own in cells.items():
        pooled, look = scores(own), looks[name]
        if pooled.shape[1] >= st.FEWEST_FOR_INTERVAL:
            low, high = profiles.band(pooled, st.generator("profile", name))
            ax.fill_between(profiles.GRID, low, high, color=look.colour, alpha=0.18, lw=0, step="post")
        ax.step(profiles.GRID, profiles.performance(pooled), where="post", label=look.label, **look.line)
    ax.axvline(1, color=REFERENCE, ls="--", lw=1)
    ax.set(
        xlabel="normalised return: 0 for random actions, 1 for the expert (dashed)",
        ylabel="share of runs above it",
        ylim=(-0.03, 1.03),
    )
    _below(fig, ax)
    return Plot(
        "robots-profile",
        "Robots together: performance profile",
        f"Share of runs above each score, averaged over {robots}. The band is a pointwise 95 % bootstrap interval with "
        "seeds resampled within each robot. If one line is above another everywhere, its method is better.",
        f"Performance profiles of {', '.join(looks[name].label for name in cells)} over {robots}.",
        svg(fig),
    )


def _times(cells: dict[str, list[CellFrame]], looks: dict[str, Style]) -> Plot:
    """Draw the time of the median run of each method and robot, as a ratio to the fastest method on that robot."""
    times = np.array([[np.median(run_times(cell)) for cell in own] for own in cells.values()])  # [N, T]
    shares = profiles.fastest_ratios(times)
    fig = figure(3.0)
    ax = fig.subplots()
    for place, (name, share) in enumerate(zip(cells, shares, strict=True)):
        # Lines that coincide stay at their values: each is narrower than those below it, which are visible beside it.
        width = THIN + (WIDE - THIN) * (len(cells) - 1 - place) / max(1, len(cells) - 1)
        look = looks[name].line | {"lw": width, "alpha": 0.75}
        ax.step(profiles.RATIOS, share, where="post", label=looks[name].label, **look)
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter("{x:g}")
    xlabel = f"time to {TARGET} of the expert, as a multiple of the fastest method's"
    ax.set(xlabel=xlabel, ylabel="share of robots", ylim=(-0.03, 1.03))
    _below(fig, ax)
    never = [looks[name].label for name, row in zip(cells, times, strict=True) if not np.isfinite(row).any()]
    return Plot(
        "robots-time",
        f"Robots together: training steps until {TARGET} of the expert's return",
        "Share of robots on which a method's median run is scored at the target within a multiple of the steps of the "
        "fastest method there. Runs are scored only a few times, so times are coarse. A method that never meets the "
        "target counts as infinite"
        + (f": {', '.join(never)}." if never else ".")
        + " Where lines coincide, the wider ones are below.",
        f"Profiles of time to target of {', '.join(looks[name].label for name in cells)}.",
        svg(fig),
    )


def _below(fig, ax) -> None:
    handles, labels = ax.get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncol=balanced(len(labels), 4))
