"""Whether a cell's record is that of the present code, parameters and data."""

from __future__ import annotations

import json
from pathlib import Path

from harness.errors import BenchError
from harness.plan.identity import keys_of
from harness.plan.plan import Cell

UP_TO_DATE = "up to date"


def state(root: Path, cell: Cell) -> str:
    """UP_TO_DATE, 'not run', or 'stale' with what it would take: to train or only to score again."""
    path = cell.folder(root) / "record.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return "not run"
    except (ValueError, OSError):
        return f"unreadable: {path}"
    try:
        keys = keys_of(root, cell)
    except BenchError as error:
        return f"unknown: {error}"
    if record.get("training_key") != keys.training or record.get("seeds") != list(cell.seeds):
        return "stale: to train again"
    if record.get("scoring_key") != keys.scoring:
        return "stale: to score again"
    return UP_TO_DATE
