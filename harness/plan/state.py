"""Whether a cell's record matches the current code, parameters and data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.errors import BenchError
from harness.plan.identity import block_folder, identity, keys_of
from harness.plan.plan import Cell
from harness.run import checkpoint
from harness.schema import read_head
from harness.store import HEAD

UP_TO_DATE = "up to date"
UNREADABLE = "unreadable"


def state(root: Path, cell: Cell) -> str:
    """Return UP_TO_DATE, 'not run', or 'stale' with what is needed: training, or only scoring."""
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


def begun(root: Path, cell: Cell) -> str:
    """Return the step of each block of a cell, '120/0 of 3000' for two blocks, or '' if none has begun."""
    try:
        names, folders = identity(root, cell), [block_folder(root, cell, seeds) for seeds in cell.blocks]
    except BenchError:  # its data are not prepared
        return ""
    steps = [_step(folder, {**names, "seeds": list(seeds)}) for folder, seeds in zip(folders, cell.blocks)]
    return f"{'/'.join(map(str, steps))} of {cell.task_params.steps}" if any(steps) else ""


def _step(folder: Path, names: dict[str, Any]) -> int:
    """Return the step of the newest valid checkpoint."""
    for name in (checkpoint.CHECKPOINT, checkpoint.PREVIOUS):
        try:
            return checkpoint.load(folder / name, names)["run"]["step"]
        except BenchError:
            continue
    return 0
