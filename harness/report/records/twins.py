"""Compare methods that have the bottleneck with their twins without it, to measure what the bottleneck alone adds.

A twin is composed of the same parts. It may differ in the bottleneck, in the code that the bottleneck replaces, and in
what is tuned for each method separately (learning rates, weights of penalties); of several, the one with the most equal
learning rates and weights is the twin. A policy that was trained on a learnt reward is composed of its own parts and of
those with which the reward was learnt.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.report.records.frame import CellFrame, TaskFrame
from harness.report.stats import statistics as st

BOTTLENECK = "bottleneck"
TUNED = {"lr", "weight"}
FREE = {BOTTLENECK, "code_size", "head", "kl_terms", "title", "like", *TUNED}  # keys that twins may differ in


@dataclass(frozen=True)
class Effect:
    """The difference with the bottleneck minus without, on the headline metric; positive if the bottleneck is better.

    difference: the mean, in standard deviations of a run (pooled over both methods).
    low: the lower end of its paired t interval over the n shared runs.
    high: the upper end.
    main: whether this pair represents its task.
    """

    frame: TaskFrame
    having: CellFrame
    without: CellFrame
    difference: float
    low: float
    high: float
    n: int
    main: bool

    @property
    def preset(self) -> str:
        """Return the preset of the records."""
        return str(self.having.head["preset"])

    @property
    def word(self) -> str:
        """Return 'better', 'worse' or 'open', depending on the interval."""
        return "better" if self.low > 0 else "worse" if self.high < 0 else "open"


def bottlenecked(cell: CellFrame) -> bool:
    """Return whether the record had a constraint or a weight on the KL of its code; a beta of 0 is neither."""
    return any(block.get("i_c") is not None or block.get("beta") for block in _codes(cell))


def twins(frame: TaskFrame, rewards: TaskFrame | None = None) -> list[tuple[CellFrame, CellFrame]]:
    """Return (with, without) for every method of a task that has run with a bottleneck and has a twin, in order.

    rewards: the task in which the rewards of this one were learnt.
    """
    run = [cell for cell in frame.cells if cell.record]
    blocks = {cell.name: _blocks(cell, rewards) for cell in run}
    shapes = {name: _shape(block) for name, block in blocks.items()}
    plain = [cell for cell in run if not any(_codes(cell))]
    plain.sort(key=lambda cell: cell.name != frame.baseline)
    found = []
    for cell in filter(bottlenecked, run):
        alike = [other for other in plain if shapes[other.name] == shapes[cell.name]]
        if alike:  # of equally good ones the first
            found.append((cell, min(alike, key=lambda other: _unequal(blocks[cell.name], blocks[other.name]))))
    return found


def _blocks(cell: CellFrame, rewards: TaskFrame | None) -> dict[str, Any]:
    """Return the settings of a method and those with which its reward was learnt."""
    learnt = rewards.cell(cell.name) if rewards else None
    blocks = {"own": cell.head["params"].get("method", {})}
    return blocks | {"reward": learnt.head["params"]["method"]} if learnt and learnt.record else blocks


def _unequal(one: Any, other: Any) -> int:
    """Count the learning rates and weights outside bottlenecks that differ between two blocks."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return 0
    shared = [key for key in one if key in other and key != BOTTLENECK]
    return sum(key in TUNED and one[key] != other[key] for key in shared) + sum(
        _unequal(one[key], other[key]) for key in shared
    )


def effects(frames: Iterable[TaskFrame]) -> tuple[list[Effect], list[Effect]]:
    """Return the effects on every task whose headline metric has a direction, and apart those of three or four runs."""
    found: list[Effect] = []
    few: list[Effect] = []
    frames = list(frames)
    by_name = {(frame.preset, frame.name): frame for frame in frames}
    for frame in frames:
        up = frame.metrics[frame.scored_by]["higher_is_better"] if frame.headline else None
        if up is None:
            continue
        own: list[Effect] = []
        learnt = by_name.get((frame.preset, str(frame.params.get("rewards"))))
        pairs = sorted(twins(frame, learnt), key=lambda pair: pair[1].name != frame.baseline)
        for having, without in pairs:
            if (made := _effect(frame, having, without, bool(up), not own)) is not None:
                (own if made.n >= st.FEWEST_FOR_INTERVAL else few).append(made)
        found += own
    return found, few


def titles(found: Iterable[Effect]) -> list[str]:
    """Return the title of each effect's task, with its preset if a task of an earlier preset has the same title."""
    first: dict[str, str] = {}
    said = []
    for effect in found:
        title = effect.frame.title
        said.append(title if first.setdefault(title, effect.preset) == effect.preset else f"{title}, {effect.preset}")
    return said


def _effect(frame: TaskFrame, having: CellFrame, without: CellFrame, up: bool, main: bool) -> Effect | None:
    metric = frame.scored_by
    if not {metric} <= set(having.head["metrics"]) & set(without.head["metrics"]):
        return None
    a, b = having.paired(without, metric)
    if len(a) < st.FEWEST_FOR_T:
        return None
    spread = float(np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2))
    if spread == 0:
        return None
    sign = 1 if up else -1
    gap = st.paired_difference(sign * a, sign * b)
    return Effect(frame, having, without, gap.mean / spread, gap.low / spread, gap.high / spread, gap.n, main)


def _codes(cell: CellFrame) -> Iterator[dict[str, Any]]:
    """Yield the blocks of noisy codes, wherever they are in the method's settings."""
    yield from _within((cell.record or {}).get("params", {}).get("method", {}))


def _within(block: Any) -> Iterator[dict[str, Any]]:
    if isinstance(block, dict):
        if block.get(BOTTLENECK):
            yield block[BOTTLENECK]
        for part in block.values():
            yield from _within(part)


def _shape(block: Any) -> Any:
    """Return settings without the keys that twins need not share; null and empty values count as absent."""
    if not isinstance(block, dict):
        return block
    parts = {key: _shape(value) for key, value in block.items() if key not in FREE}
    return {key: value for key, value in parts.items() if value not in (None, {}, [])}
