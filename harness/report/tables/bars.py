"""Draw evidence as small forest plots, with a line for each comparison and words behind it.

Each line is a separate picture, on a scale that all lines of one forest share, so that words of any length wrap beside
it. The direction of the evidence is shown by the mark, the colour and a word.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from html import escape

from markupsafe import Markup

from harness.report.tables.entries import WAYS, Bar, Entry, Forest

WIDTH, HEIGHT, EDGE = 100, 14, 6  # of a line, and the room for its marks at each side; in pixels
MARKS = {"for": "m{x:g} 2.5 4.5 8h-9z", "against": "m{x:g} 11.5 4.5-8h-9z"}  # the marks of a line, as SVG paths
MOST_SPELLED = 3  # comparisons that plain text spells out; beyond it, only the counts of each direction
Spelling = Callable[[Entry], str]


def words(forest: Forest, spelled: Spelling) -> str:
    """Return a forest as text, e.g. 'Hopper, normalised: VAIL over GAIL: 0.05 [0.01, 0.09], for (n 5)'.

    For many comparisons the text only counts each direction.
    """
    if len(forest.bars) > MOST_SPELLED:
        counts = Counter(bar.way for bar in forest.bars)
        said = f"{len(forest.bars)} pairs, " + ", ".join(f"{counts[way]} {way}" for way in WAYS if counts[way])
    else:
        said = "; ".join(f"{bar.name}: {spelled(bar.number)}{bar.after}, {bar.way}" for bar in forest.bars)
    return f"{forest.title}: {said}{forest.after}"


def to_html(forest: Forest, spelled: Spelling) -> Markup:
    """Return a forest as HTML: its heading, then a line for each comparison."""
    heading = Markup('<a href="{}">{}</a>').format(forest.href, forest.title) if forest.href else escape(forest.title)
    scale = _scale(forest)
    lines = Markup("").join(
        Markup('<div class="line">{} <span>{} {}: {}{}</span></div>').format(
            _line(bar, forest.holds, scale), WAYS[bar.way], bar.name, spelled(bar.number), bar.after
        )
        for bar in forest.bars
    )
    return Markup('<div class="forest">{}{}{}</div>').format(Markup(heading), forest.after, lines)


def _scale(forest: Forest) -> tuple[float, float]:
    """Return the ends of the scale, which covers all intervals and the claim's bounds; differences are centred on 0."""
    numbers = [bar.number for bar in forest.bars]
    seen = [each for n in numbers for each in (n.value, n.low, n.high)] + [bar.published for bar in forest.bars]
    seen = [each for each in (*seen, *forest.holds) if math.isfinite(each)]
    low, high = min(seen), max(seen)
    if forest.centred:
        low, high = -max(-low, high), max(-low, high)
    room = 0 if forest.centred and high > low else (high - low) / 10 or 1.0
    return low - room, high + room


def _line(bar: Bar, holds: tuple[float, float], scale: tuple[float, float]) -> Markup:
    def at(value: float) -> float:
        share = (min(max(value, scale[0]), scale[1]) - scale[0]) / (scale[1] - scale[0])
        return round(EDGE + share * (WIDTH - 2 * EDGE), 1)

    left = 0 if holds[0] == -math.inf else at(holds[0])
    right = WIDTH if holds[1] == math.inf else at(holds[1])
    drawn = [f'<path class="holds" d="M{left:g} 0H{right:g}V{HEIGHT}H{left:g}z"/>']
    edges = [f"M{edge:g} 0V{HEIGHT}" for edge, end in ((left, holds[0]), (right, holds[1])) if math.isfinite(end)]
    drawn.append(f'<path class="edge" d="{"".join(edges)}"/>')
    if math.isfinite(bar.published):
        drawn.append(f'<path class="printed" d="M{at(bar.published):g} 1v12"/>')
    number = bar.number
    if math.isfinite(number.low):
        drawn.append(f'<path class="{bar.way}" d="M{at(number.low):g} 7H{at(number.high):g}"/>')
    x = at(number.value)
    if bar.way in MARKS:
        drawn.append(f'<path class="{bar.way}" d="{MARKS[bar.way].format(x=x)}"/>')
    else:
        drawn.append(f'<circle class="{bar.way}" cx="{x:g}" cy="7" r="3.5"/>')
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    return Markup(f'<svg {size} role="img" aria-label="{bar.way}">{"".join(drawn)}</svg>')
