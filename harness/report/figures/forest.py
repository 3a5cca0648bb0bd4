"""Draw the forest plot of the bottleneck: with it minus without it, standardised, with a row for each comparison."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from harness.report.figures.style import REFERENCE, Plot, figure, svg, theme
from harness.report.records.twins import Effect, titles
from harness.report.tables.spelling import TIED

LOOK = {"better": ("#0072B2", "D"), "worse": ("#B34700", "s"), "open": (REFERENCE, "o")}
ROW, NARROW = 0.34, 4.7  # height of a comparison and width of the figure in inches; a phone shows the whole width
LONGEST, LINE = 70, 0.42  # the most characters of a line that the figure has room for, and the rows that a line takes
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
        said = ["\n".join(textwrap.wrap(words, LONGEST)) for words in labels(effects)]
        places, below = [], -1.0
        for words in said:
            below += 1 + LINE * words.count("\n")
            places.append(below)
        fig = figure(0.65 + ROW * (below + 1), NARROW)
        ax = fig.subplots()
        for place, words, effect in zip(places, said, effects, strict=True):
            colour, marker = LOOK[effect.word]
            low, high = max(effect.low, -EDGE), min(effect.high, EDGE)
            above: dict[str, Any] = {"fontsize": 8.5, "va": "bottom", "bbox": {"fc": "white", "lw": 0, "pad": 0.6}}
            text = ax.text(-EDGE - 0.3, place - 0.17, words, **above)  # a phone has no room beside the plot
            text.set_in_layout(False)  # else a long one narrows the axes
            ax.plot([low, high], [place, place], color=colour, lw=1.8, solid_capstyle="butt")
            for end, beyond, arrow in ((low, effect.low < -EDGE, "<"), (high, effect.high > EDGE, ">")):
                if beyond:
                    ax.plot(end, place, arrow, color=colour, ms=6, mew=0)
            shown = min(max(effect.difference, -EDGE), EDGE)
            filled = colour if effect.word != "open" else "white"
            ax.plot(shown, place, marker, color=colour, mfc=filled, mew=1.4, ms=6, zorder=4)  # above the next words
        ax.axvline(0, color="#444444", lw=1)
        ax.set_yticks([])
        ax.set_ylim(below + 0.4, -0.75)
        ax.set_xlim(-EDGE - 0.4, EDGE + 0.4)
        ax.grid(axis="y", visible=False)
        ax.set_xlabel("◀ worse with it · better with it ▶\nin standard deviations of a run")
        counted = {word: sum(effect.word == word for effect in effects) for word in LOOK}
        return Plot(
            name,
            title,
            "The headline score with the bottleneck minus that of the same method without it, in standard deviations "
            "of a run, with 95 % paired t intervals, not adjusted for their number. Filled: the interval excludes 0. "
            "On the digits, learning rates and weights of penalties are tuned for each method, elsewhere there was no "
            "search.",
            f"Forest plot of {len(effects)} comparisons: {counted['better']} better with the bottleneck, "
            f"{counted['worse']} worse, {counted['open']} open.",
            svg(fig),
        )


def labels(effects: Sequence[Effect]) -> list[str]:
    """Return e.g. 'HopperSim: VAIL − GAIL (n 5)' of each: the task, the pair, and the number of runs."""
    return [
        f"{title}: {effect.having.title} − {effect.without.title} (n{TIED}{effect.n})"
        for title, effect in zip(titles(effects), effects, strict=True)
    ]
