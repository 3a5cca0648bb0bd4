"""Draw the forest plot of the bottleneck: with it minus without it, standardised, with a row for each comparison."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.report.figures.style import REFERENCE, Plot, figure, svg, theme
from harness.report.records.twins import Effect

LOOK = {"better": ("#0072B2", "D"), "worse": ("#B34700", "s"), "open": (REFERENCE, "o")}
ROW, NARROW = 0.34, 4.7  # height of a comparison and width of the figure in inches; a phone shows the whole width
EDGE = 5.0  # standard deviations; an interval that extends further ends in an arrow


def draw(effects: Sequence[Effect], name: str, title: str) -> Plot | None:
    """Draw the plot of all effects; return None if there are none.

    effects: the comparisons.
    name: the file name.
    title: the title for readers.
    """
    if not effects:
        return None
    with theme():
        fig = figure(0.65 + ROW * len(effects), NARROW)
        ax = fig.subplots()
        for place, effect in enumerate(effects):
            colour, marker = LOOK[effect.word]
            low, high = max(effect.low, -EDGE), min(effect.high, EDGE)
            above: dict[str, Any] = {"fontsize": 8.5, "va": "center", "bbox": {"fc": "white", "lw": 0, "pad": 0.6}}
            ax.text(-EDGE - 0.3, place - 0.36, label(effect), **above)  # a phone has no room beside the plot
            ax.plot([low, high], [place, place], color=colour, lw=1.8, solid_capstyle="butt")
            for end, beyond, arrow in ((low, effect.low < -EDGE, "<"), (high, effect.high > EDGE, ">")):
                if beyond:
                    ax.plot(end, place, arrow, color=colour, ms=6, mew=0)
            shown = min(max(effect.difference, -EDGE), EDGE)
            filled = colour if effect.word != "open" else "white"
            ax.plot(shown, place, marker, color=colour, mfc=filled, mew=1.4, ms=6)
        ax.axvline(0, color="#444444", lw=1)
        ax.set_yticks([])
        ax.set_ylim(len(effects) - 0.6, -0.75)
        ax.set_xlim(-EDGE - 0.4, EDGE + 0.4)
        ax.grid(axis="y", visible=False)
        ax.set_xlabel("◀ worse with it · better with it ▶\nin standard deviations of a run")
        counted = {word: sum(effect.word == word for effect in effects) for word in LOOK}
        return Plot(
            name,
            title,
            "The headline score with the bottleneck minus that of the same method without it, in standard deviations "
            "of a run, with 95 % paired t intervals, not adjusted for their number. Filled: the interval excludes 0. "
            "On the digits, learning rates and weights of penalties are tuned for each method, elsewhere nothing is.",
            f"Forest plot of {len(effects)} comparisons: {counted['better']} better with the bottleneck, "
            f"{counted['worse']} worse, {counted['open']} open.",
            svg(fig),
        )


def label(effect: Effect) -> str:
    """Return e.g. 'HopperSim: VAIL − GAIL (n 5)': the task, the pair, and the number of runs."""
    return f"{effect.frame.title}: {effect.having.title} − {effect.without.title} (n {effect.n})"
