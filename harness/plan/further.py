"""More seeds for a cell: beyond those that the parameters name, joined to the record that it has.

params.yaml names the seeds that there have to be. A record may have more: it is of the same cell, and its keys, of
which no seed is part, say of which code and parameters all of them are. As long as they are those of the present code,
it is up to date; where it is to be trained again, it is trained again with all the seeds that it had.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from harness.errors import BenchError
from harness.plan import needs
from harness.plan.outline import Outline
from harness.plan.plan import Cell
from harness.plan.state import UP_TO_DATE, state
from harness.schema import read_head
from harness.store import HEAD

One = TypeVar("One", Cell, Outline)
Agrees = Callable[[Cell], bool]  # whether the present code makes the states that a cell's record holds


def grown(root: Path, cell: One) -> One:
    """The cell with the seeds that its record has beyond those that the parameters name."""
    return replace(cell, seeds=cell.named + _beyond(root, cell))


def further(root: Path, cell: Cell, seeds: Sequence[int], agrees: Agrees | None = None) -> Cell | None:
    """What is to be trained so that the cell has `seeds` too: None where it has them all.

    Where the record is of the present code, only what it lacks is trained, and joined to it. agrees: asked of a record
    of other code, in a private copy of the tree; what holds is joined to as well. Otherwise all seeds are trained at
    once. Raises BenchError for a record that cannot be read, for an archived one that the present code does not make,
    and for an ablated cell on learnt rewards, whose seeds the parameters alone can tell.
    """
    if cell.ablation and needs.reward(cell):
        raise BenchError(f"{cell} trains on the rewards of an ablation: name its seeds in the parameters instead")
    lacking = tuple(seed for seed in seeds if seed not in cell.named)
    if not (cell.folder(root) / HEAD).is_file():
        return replace(cell, seeds=cell.named + lacking)
    held = read_head(cell.folder(root)).seeds
    whole = grown(root, cell)
    lacking = tuple(seed for seed in lacking if seed not in whole.seeds)
    current = state(root, cell) == UP_TO_DATE
    if not current and agrees is None:
        return replace(whole, seeds=whole.seeds + lacking)
    if held[: len(cell.named)] != cell.named:
        raise BenchError(f"{cell}: its record does not begin with the seeds that the parameters name; move it away")
    if not lacking:
        return None
    if not current and agrees is not None and not agrees(cell):
        raise BenchError(
            f"{cell}: the present code makes other states than its record holds: train all of it under another name of"
            " the preset, or say --across-code if rounding is all that changed; the record tells each block's commit"
        )
    return replace(cell, seeds=lacking, joins=True)


def _beyond(root: Path, cell: Cell | Outline) -> tuple[int, ...]:
    try:
        record = read_head(cell.folder(root)) if (cell.folder(root) / HEAD).is_file() else None
    except BenchError:
        return ()  # who reads the record says what is wrong with it
    if record is None or record.preset != cell.preset or record.seeds[: len(cell.named)] != cell.named:
        return ()
    return record.seeds[len(cell.named) :]
