"""Measure what one run of a method costs: updates, batches of its critic and core-seconds."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from harness.errors import BenchError
from harness.report.records.frame import CellFrame
from harness.schema import read_provenance
from harness.store import PROVENANCE

STEPS = ("critic_steps", "discriminator_steps")  # keys of a method's block: batches of its critic in one training step
CRITIC = "critic_optimizer"  # a key of every block whose critic takes one batch in each step


class Cost(NamedTuple):
    """The cost of one run; NaN means that it is unknown, or that the method has no critic.

    core_seconds: the sum over all threads of the block, divided by its seeds.
    """

    updates: float
    critic_batches: float
    core_seconds: float


def cost(cell: CellFrame) -> Cost:
    """Return the cost of a cell that has run, from its record and from the seconds in its provenance."""
    steps, block = cell.head["steps"], cell.head["params"].get("method", {})
    return Cost(steps, steps * _batches(block), _seconds(cell))


def device(cell: CellFrame) -> str:
    """Return the device that the cell was trained on; '' if the record does not say."""
    return str(_provenance(cell).get("environment", {}).get("device") or "")


def _batches(block: dict[str, Any]) -> float:
    found = [block[key] for key in STEPS if block.get(key) is not None]
    return float(found[0]) if found else 1.0 if block.get(CRITIC) else math.nan


def _seconds(cell: CellFrame) -> float:
    """Return the core-seconds of a seed; a block that recorded only its time by the clock had all its threads."""
    said = _provenance(cell)
    spent, threads = said.get("training_seconds"), said.get("environment", {}).get("threads")
    if not (spent and threads and cell.seeds):
        return math.nan
    blocks = {i: seconds * threads for i, seconds in spent.items()} | said.get("training_cpu_seconds", {})
    return sum(blocks.values()) / len(cell.seeds)


def _provenance(cell: CellFrame) -> dict[str, Any]:
    if cell.folder is None or not (cell.folder / PROVENANCE).is_file():
        return {}
    try:
        return read_provenance(cell.folder).model_dump()
    except BenchError:  # reported when the cell is read; no score depends on it
        return {}
