"""Every method with the bottleneck beside its twin without it, as a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.report.records.twins import Effect
from harness.report.tables.entries import LEVEL, Head, Table, Text, count, fixed

SAID = {"better": "better with it", "worse": "worse with it", "open": "open"}


def table(effects: Sequence[Effect], address: Callable[[str, str], str]) -> Table:
    """A row for each comparison. address: (preset, task) -> where its page lies."""
    rows = [
        [
            Text(effect.frame.title, href=address(effect.preset, effect.frame.name)),
            Text(f"{effect.having.title} − {effect.without.title}"),
            fixed(effect.difference, 2, effect.low, effect.high),
            count(effect.n),
            Text(SAID[effect.word], strong=effect.word != "open"),
        ]
        for effect in effects
    ]
    head: list[Head | str] = [
        "task",
        "with − without",
        Head("difference, in standard deviations of a run", LEVEL),
        "runs",
        "by the interval",
    ]
    notes = ["Positive: the bottleneck is better. Intervals are paired t intervals, not adjusted for their number."]
    return Table("With the bottleneck minus without it", head, rows, notes)
