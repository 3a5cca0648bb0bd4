"""What a cell takes from another: an expert's demonstrations, or the reward that a cell of the same name learnt.

Both lie in the other cell's `artefacts.npz`. A task names the first as `demonstrations: TASK/CELL` and the second as
`rewards: TASK`, so that DVC knows of them. `demonstrations: archive/PRESET/TASK/CELL` names those of an archived
expert.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch

from harness import seal
from harness.contracts import BenchError, Method
from harness.plan.plan import Cell
from harness.run.params import TaskParams
from harness.store import ARTEFACTS, RECORDS


def demonstrations(params: TaskParams) -> str | None:
    """TASK/CELL, or archive/PRESET/TASK/CELL, whose demonstrations the task takes, or None."""
    return params.expert


def reward(cell: Cell) -> str | None:
    """TASK/CELL whose learnt reward the cell takes, or None."""
    task = cell.task_params.reward_task
    return task and f"{task}/{cell.name}"


def label(cell: Cell) -> str:
    """TASK/CELL, as others name it."""
    return f"{cell.task}/{cell.name}"


def sources(cell: Cell) -> set[str]:
    """TASK/CELL of each cell that it takes from."""
    return {source for source in (demonstrations(cell.task_params), reward(cell)) if source}


def place(cell: str) -> Path:
    """From the root: where the artefacts of TASK/CELL, or archive/PRESET/TASK/CELL, lie or will lie."""
    return (Path("results") if is_archived(cell) else RECORDS) / cell / ARTEFACTS


def is_archived(cell: str | None) -> bool:
    """Whether the demonstrations named are those of an archived expert, which no cell of the plan makes."""
    return cell is not None and cell.startswith("archive/")


def path(root: Path, cell: str) -> Path:
    """The artefacts of a cell, as they were sealed. Raises BenchError where there are none, or others."""
    found = root / place(cell)
    if not found.is_file() and is_archived(cell):
        raise BenchError(f"{found} is missing: there is no such expert in results/archive")
    if not found.is_file():
        raise BenchError(f"{found} is missing: run `bench train {cell.replace('/', ' ')}` first")
    seal.check(found.parent, [found.name])
    return found


def fingerprint(root: Path, cell: str) -> str:
    """16 hex digits of the artefacts of TASK/CELL."""
    return hashlib.sha256(path(root, cell).read_bytes()).hexdigest()[:16]


class Receiver(Protocol):
    """A method that trains on a learnt reward."""

    def receive(self, reward: Mapping[str, torch.Tensor]) -> None:
        """Take the tensors [S, ...] of the reward, of one for each seed."""


def deliver(root: Path, cell: Cell, method: Method, seeds: Sequence[int]) -> None:
    """Hand the method its learnt reward: of n rewards, that of seed k modulo n for seed k."""
    if (source := reward(cell)) is None:
        return
    found = path(root, source)
    try:
        with np.load(found) as file:
            arrays = {name.removeprefix("reward/"): file[name] for name in file.files if name.startswith("reward/")}
    except (OSError, ValueError, zipfile.BadZipFile):
        raise BenchError(f"{found} is damaged: run `bench train {source.replace('/', ' ')}` again") from None
    if not arrays:
        raise BenchError(f"{source} does not learn a reward: remove {cell.name} from methods.{cell.task}")
    cast(Receiver, method).receive({
        k: torch.as_tensor(v[[seed % len(v) for seed in seeds]]) for k, v in arrays.items()
    })


def levels(cells: Sequence[Cell]) -> list[list[Cell]]:
    """The cells in order: those of a level take from cells of earlier levels only. Raises BenchError for a circle."""
    left, ordered = list(cells), []
    while left:
        names = {label(cell) for cell in left}
        ready = [cell for cell in left if not sources(cell) & names]
        if not ready:
            raise BenchError(
                f"{', '.join(sorted(names))}: these depend on each other; see `demonstrations` and `rewards`"
            )
        ordered.append(ready)
        left = [cell for cell in left if cell not in ready]
    return ordered


def collect(held: dict[str, list[np.ndarray]], artefacts: dict[str, dict[str, Any]], index: int) -> None:
    """Add what block `index` leaves.

    Of demonstrations those of the very first seed are kept: all methods share one expert.
    """
    for kind, arrays in artefacts.items():
        if kind == "demonstrations" and index:
            continue
        for name, array in arrays.items():
            rows = array[:1] if kind == "demonstrations" else array
            held.setdefault(f"{kind}/{name}", []).append(rows.detach().cpu().numpy())
