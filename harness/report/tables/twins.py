"""Make the table that compares every method that has the bottleneck with its twin without it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.report.records.twins import Effect, titles
from harness.report.tables.entries import LEVEL, Head, Table, Text, count, fixed

SAID = {"better": "better with it", "worse": "worse with it", "open": "open"}
EVERY = "Every comparison with and without the bottleneck"


def table(effects: Sequence[Effect], address: Callable[[str, str], str], title: str = EVERY) -> Table:
    """Make a table with a row for each comparison.

    address: (preset, task) -> the address of its page.
    title: of the table.
    """
    rows = [
        [
            Text(task, href=address(effect.preset, effect.frame.name)),
            Text(f"{effect.having.title} − {effect.without.title}"),
            fixed(effect.difference, 2, effect.low, effect.high),
            count(effect.n),
            Text(SAID[effect.word], strong=effect.word != "open"),
        ]
        for task, effect in zip(titles(effects), effects, strict=True)
    ]
    head: list[Head | str] = [
        "task",
        "with − without",
        Head("difference, in standard deviations of a run", LEVEL),
        "runs",
        "verdict of the interval",
    ]
    notes = ["Positive: better with the bottleneck. Intervals are paired t intervals, not adjusted for their number."]
    return Table(title, head, rows, notes)
