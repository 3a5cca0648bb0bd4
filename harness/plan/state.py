"""Whether a cell's record is that of the present code, parameters and data."""

from __future__ import annotations

from pathlib import Path

from harness.errors import BenchError
from harness.plan.identity import keys_of
from harness.plan.plan import Cell
from harness.schema import read_head
from harness.store import HEAD

UP_TO_DATE = "up to date"
UNREADABLE = "unreadable"


def state(root: Path, cell: Cell) -> str:
    """UP_TO_DATE, 'not run', or 'stale' with what it would take: to train or only to score again."""
    folder = cell.folder(root)
    if not (folder / HEAD).exists():
        return "not run"
    try:
        record = read_head(folder)
    except BenchError as error:
        return f"{UNREADABLE}: {error}"
    if record.preset != cell.preset:
        return f"stale: of preset {record.preset}, to train again"
    try:
        keys = keys_of(root, cell)
    except BenchError as error:
        return f"unknown: {error}"
    if record.training_key != keys.training or record.seeds != cell.seeds:
        return "stale: to train again"
    if record.scoring_key != keys.scoring:
        return "stale: to score again"
    return UP_TO_DATE
