"""What a method costs beside what it scores: updates, batches of its critic and core-seconds, each of one run."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from harness.errors import BenchError
from harness.report.records.frame import CellFrame
from harness.schema import read_provenance
from harness.store import PROVENANCE

STEPS = ("critic_steps", "discriminator_steps")  # of a method's block: batches of its critic in one step of the run
CRITIC = "critic_optimizer"  # of a block whose critic has one batch in each step


class Cost(NamedTuple):
    """Of one run; NaN: not known, or the method has no critic. core_seconds: all of the block's threads' together."""

    updates: float
    critic_batches: float
    core_seconds: float


def cost(cell: CellFrame) -> Cost:
    """Of a cell that has run, by its record and its provenance, whose seconds the seeds of a block share."""
    steps, block = cell.head["steps"], cell.head["params"].get("method", {})
    return Cost(steps, steps * _batches(block), _seconds(cell))


def device(cell: CellFrame) -> str:
    """Where it trained; '' where nobody noted it."""
    return str(_provenance(cell).get("environment", {}).get("device") or "")


def _batches(block: dict[str, Any]) -> float:
    found = [block[key] for key in STEPS if block.get(key) is not None]
    return float(found[0]) if found else 1.0 if block.get(CRITIC) else math.nan


def _seconds(cell: CellFrame) -> float:
    said = _provenance(cell)
    spent, threads = said.get("training_seconds"), said.get("environment", {}).get("threads")
    return sum(spent.values()) * threads / len(cell.seeds) if spent and threads and cell.seeds else math.nan


def _provenance(cell: CellFrame) -> dict[str, Any]:
    if cell.folder is None or not (cell.folder / PROVENANCE).is_file():
        return {}
    try:
        return read_provenance(cell.folder).model_dump()
    except BenchError:  # it is told where the cell is read; no score hangs on it
        return {}
