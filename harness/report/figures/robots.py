"""Imitation over several robots at once: performance profiles and times to a target, of methods that ran on all of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.report.figures.lines import balanced
from harness.report.figures.style import REFERENCE, Plot, Style, figure, svg, theme
from harness.report.records.aggregate import NORMALISED
from harness.report.records.frame import Cell, TaskFrame
from harness.report.stats import profiles
from harness.report.stats import statistics as st
from harness.report.tables.words import Table, Text, interval, number

TARGET = 0.9  # of the way from actions at random to the expert
FEWEST_TASKS = 2
WIDE, THIN = 5.0, 1.2  # points, of lines that may lie on each other


def _robots(frames: Sequence[TaskFrame]) -> list[TaskFrame]:
    """The tasks whose scores are normalised."""
    return [frame for frame in frames if NORMALISED in frame.metrics]


def common(frames: Sequence[TaskFrame]) -> dict[str, list[Cell]]:
    """Method -> its cells, one for each robot whose scores are normalised; of the methods that ran on all of them."""
    tasks = _robots(frames)
    having = [
        {cell.name: cell for cell in frame.cells if cell.record and NORMALISED in cell.record["metrics"]}
        for frame in tasks
    ]
    if len(tasks) < FEWEST_TASKS:
        return {}
    return {name: [cells[name] for cells in having] for name in having[0] if all(name in cells for cells in having)}


def draw(frames: Sequence[TaskFrame], looks: dict[str, Style]) -> list[Plot]:
    """Both figures; none with fewer than two robots."""
    cells = common(frames)
    if not cells:
        return []
    with theme():
        return [_profile(cells, looks, ", ".join(frame.title for frame in _robots(frames))), _times(cells, looks)]


def table(frames: Sequence[TaskFrame]) -> Table | None:
    """Pooled over robots: IQM and optimality gap of normalised scores, and how many runs meet the target."""
    body = []
    for name, own in common(frames).items():
        scores, times = _scores(own), [_run_times(cell) for cell in own]
        low, high = st.stratified_bootstrap(scores, st.iqm, st.generator(NORMALISED, name))
        if scores.shape[1] < st.FEWEST_FOR_INTERVAL:
            low = high = np.nan
        met = [f"{np.isfinite(t).sum()} of {len(t)}" for t in times]
        body.append([
            Text(own[0].title),
            Text(interval(float(st.iqm(scores)), low, high, 2)),
            Text(number(st.optimality_gap(scores), 2)),
            *map(Text, met),
        ])
    if not body:
        return None
    met = [f"runs that reach {TARGET}, {frame.title}" for frame in _robots(frames)]
    head = ["method", "IQM of normalised returns [95\u00a0%]", "optimality gap ↓", *met]
    notes = [
        "Normalised: 0 for actions at random, 1 for the expert. Pooled over the robots with one weight for each, "
        f"stratified percentile bootstrap ({st.RESAMPLES} resamples). Optimality gap: how far the runs stay short of the expert on average. "
        "Budgets and settings are each robot's own."
    ]
    return Table("Robots together", head, body, notes)


def _scores(cells: list[Cell]) -> np.ndarray:
    """[T, S]: as many runs of each robot as the one with the fewest has."""
    ends = [cell.endpoint(NORMALISED) for cell in cells]
    return np.stack([end[: min(map(len, ends))] for end in ends])


def _run_times(cell: Cell) -> np.ndarray:
    """[S]: share of the budget at which each run is first scored at the target; inf where it never is."""
    rows = cell.scores[cell.scores.metric == NORMALISED]
    runs = [rows[rows.seed == seed] for seed in cell.seeds]
    return np.array([
        profiles.time_to_target(run.step.to_numpy() / cell.record["steps"], run.value.to_numpy(), TARGET)
        for run in runs
    ])


def _profile(cells: dict[str, list[Cell]], looks: dict[str, Style], robots: str) -> Plot:
    fig = figure(3.4)
    ax = fig.subplots()
    for name, own in cells.items():
        scores, look = _scores(own), looks[name]
        if scores.shape[1] >= st.FEWEST_FOR_INTERVAL:
            low, high = profiles.band(scores, st.generator("profile", name))
            ax.fill_between(profiles.GRID, low, high, color=look.colour, alpha=0.18, lw=0, step="post")
        ax.step(profiles.GRID, profiles.performance(scores), where="post", label=look.label, **look.line)
    ax.axvline(1, color=REFERENCE, ls="--", lw=1)
    ax.set(
        xlabel="normalised return: 0 for actions at random, 1 for the expert (dashed)",
        ylabel="share of runs beyond it",
        ylim=(-0.03, 1.03),
    )
    _below(fig, ax)
    return Plot(
        "robots-profile",
        "Robots together: performance profile",
        f"Share of runs beyond each score, mean over {robots}; the band is a pointwise 95 % bootstrap interval, seeds redrawn "
        "within each robot. A line above another one everywhere is the better method.",
        f"Performance profiles of {', '.join(looks[name].label for name in cells)} over {robots}.",
        svg(fig),
    )


def _times(cells: dict[str, list[Cell]], looks: dict[str, Style]) -> Plot:
    """Median run of each method and robot, as a ratio to the fastest method on that robot."""
    times = np.array([[np.median(_run_times(cell)) for cell in own] for own in cells.values()])  # [N, T]
    shares = profiles.fastest_ratios(times)
    fig = figure(3.0)
    ax = fig.subplots()
    for place, (name, share) in enumerate(zip(cells, shares, strict=True)):
        # Lines that coincide stay at their values: each one is narrower than those below it, which show at its sides.
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
        "Share of robots on which a method's median run is scored at the target within so many times the steps of the fastest "
        "method there. Runs are scored a few times only, so times are that coarse; who never meets the target counts as "
        "infinite"
        + (f": {', '.join(never)}." if never else ".")
        + " Lines that coincide lie on each other, the wider ones below.",
        f"Profiles of time to target of {', '.join(looks[name].label for name in cells)}.",
        svg(fig),
    )


def _below(fig, ax) -> None:
    handles, labels = ax.get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncol=balanced(len(labels), 4))
