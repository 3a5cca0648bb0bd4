"""Whether a cell's record matches the current code, parameters and data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.errors import BenchError
from harness.plan.identity import block_folder, identity, keys_of
from harness.plan.keys import CodeKeys
from harness.plan.outline import Outline, outline
from harness.plan.plan import Cell
from harness.schema import read_head
from harness.store import HEAD

UP_TO_DATE = "up to date"
UNREADABLE = "unreadable"


def state(root: Path, cell: Cell | Outline, code: CodeKeys | None = None) -> str:
    """Return UP_TO_DATE, 'not run', or 'stale' with what is needed: training, or only scoring.

    A record may have more seeds than the cell, after those.

    code: the keys of the code, as in `identity`.
    """
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
        keys = keys_of(root, cell, code)
    except BenchError as error:
        return f"unknown: {error}"
    if record.training_key != keys.training or record.seeds[: len(cell.seeds)] != cell.seeds:
        return "stale: to train again"
    if record.scoring_key != keys.scoring:
        return "stale: to score again"
    return UP_TO_DATE


def begun(root: Path, cell: Cell | Outline, code: CodeKeys | None = None) -> str:
    """The step that each block of a cell has come to, '120/0 of 3000' for two blocks; '' where none has begun."""
    try:
        key = keys_of(root, cell, code).training
        folders = [block_folder(root, cell, seeds, key) for seeds in cell.blocks]
        if not any(folder.is_dir() for folder in folders):
            return ""
        names = identity(root, cell, code)
    except BenchError:  # its data are not prepared
        return ""
    steps = [_step(folder, {**names, "seeds": list(seeds)}) for folder, seeds in zip(folders, cell.blocks)]
    return f"{'/'.join(map(str, steps))} of {outline(cell).steps}" if any(steps) else ""


def _step(folder: Path, names: dict[str, Any]) -> int:
    """The step of the newest checkpoint that holds."""
    from harness.run import checkpoint  # which takes torch

    for name in (checkpoint.CHECKPOINT, checkpoint.PREVIOUS):
        try:
            return checkpoint.load(folder / name, names)["run"]["step"]
        except BenchError:
            continue
    return 0
