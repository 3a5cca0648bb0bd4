"""Studies: rows that differ from another row of the same task in a single setting, and the values of an ablation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.report.records.frame import CellFrame, TaskFrame
from harness.report.stats import statistics as st


@dataclass(frozen=True)
class Change:
    """One setting changed: a row, the row that it differs from, and their difference, positive if the row is better.

    key: the dotted key of the setting.
    low, high: the paired 95 % t interval, in the metric's unit.
    """

    frame: TaskFrame
    row: CellFrame
    base: CellFrame
    key: str
    difference: float
    low: float
    high: float

    @property
    def word(self) -> str:
        """'better', 'worse' or 'open', by the interval."""
        return "better" if self.low > 0 else "worse" if self.high < 0 else "open"


def changes(frames: Mapping[str, TaskFrame]) -> list[Change]:
    """Return every row of a preset's tasks that differs from an earlier row of the same task in one setting alone."""
    found = []
    for frame in frames.values():
        run = [cell for cell in frame.cells if cell.record]
        said = {cell.name: _settings(cell, frames) for cell in run}
        for place, row in enumerate(run):
            alike = ((base, _differing(said[row.name], said[base.name])) for base in run[:place])
            made = (_change(frame, row, base, keys[0]) for base, keys in alike if len(keys) == 1)
            found += [change for change in made if change is not None][:1]
    return found


def swept(frame: TaskFrame) -> dict[str, list[Change]]:
    """Return, for each ablation of a task, how its values compare with its reference."""
    found = {}
    for sweep in frame.ablations:
        against = frame.cell(sweep.reference)
        if against is not None and against.record:
            made = (_change(frame, cell, against, sweep.key) for cell in sweep.cells if cell.record)
            found[sweep.name] = [change for change in made if change is not None]
    return {name: made for name, made in found.items() if made}


def penalised(cell: CellFrame) -> bool:
    """Whether a row was trained with a gradient penalty."""
    return any(".penalties." in f".{key}" for key, _ in _leaves(cell.head["params"]["method"]))


def _change(frame: TaskFrame, row: CellFrame, base: CellFrame, key: str) -> Change | None:
    """Return the comparison of two rows, or None if the task has no headline score or too few seeds for an interval."""
    if frame.headline is None or (up := frame.metrics[frame.headline]["higher_is_better"]) is None:
        return None
    a, b = row.paired(base, frame.headline)
    if len(a) < st.FEWEST_FOR_INTERVAL:
        return None
    sign = 1 if up else -1
    gap = st.paired_difference(sign * a, sign * b)
    return Change(frame, row, base, key, gap.mean, gap.low, gap.high)


def _settings(cell: CellFrame, frames: Mapping[str, TaskFrame]) -> dict[str, Any]:
    """Return what a row was trained with, including how the reward that it was trained on had been learnt."""
    found = dict(_leaves(cell.head["params"]["method"]))
    source = frames.get(str(cell.head["params"]["task"].get("rewards")))
    learnt = source.cell(cell.name) if source else None
    return dict(_leaves(learnt.head["params"]["method"])) | found if learnt and learnt.record else found


def _leaves(block: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in block.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        elif value is not None:
            yield f"{prefix}{key}", value


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return [key for key in {**one, **other} if one.get(key) != other.get(key)]
