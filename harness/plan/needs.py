"""What a cell needs from another one: an expert's demonstrations, or a reward learnt by the cell of the same name.

Both are in the other cell's `artefacts.npz`. A task names the former as `demonstrations: TASK/CELL` and the latter as
`rewards: TASK`, so that DVC knows the dependency. `demonstrations: archive/PRESET/TASK/CELL` names an archived expert,
and `data/NAME` a folder of your own, which `bench new-task --demonstrations` makes.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from harness import seal
from harness.errors import BenchError
from harness.plan.plan import Cell
from harness.ranges import reward_of
from harness.run.params import TaskParams
from harness.store import ARTEFACTS, RECORDS, SCORES

OWN = "demonstrations.npz"  # the file in data/NAME
REWARD = "reward/"  # before the names of a learnt reward's tensors

if TYPE_CHECKING:  # `bench list` reads this file and needs neither
    import numpy as np
    import torch

    from harness.contracts import Method


def demonstrations(params: TaskParams) -> str | None:
    """Return TASK/CELL, archive/PRESET/TASK/CELL or data/NAME whose demonstrations the task uses, or None."""
    return params.expert


def reward(cell: Cell) -> str | None:
    """Return the TASK/CELL whose learnt reward the cell uses, or None."""
    task = cell.task_params.reward_task
    return task and f"{task}/{cell.name}"


def label(cell: Cell) -> str:
    """Return the cell's name as other cells refer to it, TASK/CELL."""
    return f"{cell.task}/{cell.name}"


def sources(cell: Cell) -> set[str]:
    """Return the TASK/CELL of each cell that the cell depends on."""
    return {source for source in (demonstrations(cell.task_params), reward(cell)) if source}


def place(cell: str) -> Path:
    """Return where the artefacts of TASK/CELL or archive/PRESET/TASK/CELL, or your own file, are, from the root."""
    if given(cell):
        return Path(cell) / OWN
    return (Path("results") if is_archived(cell) else RECORDS) / cell / ARTEFACTS


def taught_by(cell: str) -> tuple[Path, Path]:
    """From the root: what a task that takes the demonstrations of `cell` reads of it, episodes and scores."""
    return place(cell), place(cell).with_name(SCORES)


def is_archived(cell: str | None) -> bool:
    """Whether the demonstrations named are those of an archived expert, which no cell of the plan makes."""
    return cell is not None and cell.startswith("archive/")


def given(source: str | None) -> bool:
    """Whether the demonstrations named are your own, in the folder data/NAME, which no cell makes."""
    return source is not None and source.startswith("data/")


def path(root: Path, cell: str) -> Path:
    """Return the artefacts of a cell. Raises BenchError if there are none or they do not match their seal."""
    found = root / place(cell)
    if not found.is_file() and is_archived(cell):
        raise BenchError(f"{found} is missing: there is no such expert in results/archive")
    if given(cell):
        if not found.is_file():
            raise BenchError(f"{found} is missing: bring it from where `bench new-task --demonstrations` made it")
        return found
    if not found.is_file():
        raise BenchError(f"{found} is missing: run `bench train {cell.replace('/', ' ')}` first")
    seal.check(found.parent, [found.name])
    return found


def fingerprint(root: Path, cell: str) -> str:
    """Return 16 hex digits that identify the artefacts of TASK/CELL."""
    return hashlib.sha256(path(root, cell).read_bytes()).hexdigest()[:16]


def reward_fingerprint(root: Path, source: str, n: int | None) -> str:
    """16 hex digits of the first n learnt rewards of TASK/CELL, all where n is None.

    n: how many the parameters name; further ones make no other cell of what is trained on these.
    """
    from harness.run.record import to_npz

    arrays = learnt_rewards(root, source)
    if n is None or all(len(array) <= n for array in arrays.values()):
        return fingerprint(root, source)

    named = to_npz({f"{REWARD}{name}": array[:n] for name, array in arrays.items()})
    return hashlib.sha256(named).hexdigest()[:16]


class Receiver(Protocol):
    """A method that trains on a learnt reward."""

    def receive(self, reward: Mapping[str, torch.Tensor]) -> None:
        """Load the tensors [S, ...] of a reward, one for each seed."""


def deliver(root: Path, cell: Cell, method: Method, seeds: Sequence[int]) -> None:
    """Load the learnt reward of each seed into the method: of n rewards, seed k gets that of seed k modulo n.

    A seed beyond those that the parameters name takes a reward beyond those that they name, see `ranges.reward_of`.
    Raises BenchError if that reward has not been learnt yet.
    """
    if (source := reward(cell)) is None:
        return
    import torch

    arrays = learnt_rewards(root, source)
    if not arrays:
        raise BenchError(f"{source} does not learn a reward: remove {cell.name} from methods.{cell.task}")
    n = min(map(len, arrays.values()))
    places = [reward_of(seed, cell.named or seeds, cell.rewards or n) for seed in seeds]
    if max(places) >= n:
        words = f"seed {seeds[places.index(max(places))]} of {cell} takes learnt reward {max(places)}, {source} has {n}"
        raise BenchError(f"{words}: run `bench train {source.replace('/', ' ')} --seeds ...` for more of them first")
    cast(Receiver, method).receive({k: torch.as_tensor(v[places]) for k, v in arrays.items()})


def learnt_rewards(root: Path, source: str) -> dict[str, np.ndarray]:
    """Name -> tensor [n, ...] of the n rewards that TASK/CELL has learnt; none where it learns none."""
    import numpy as np

    found = path(root, source)
    try:
        with np.load(found) as file:
            return {name.removeprefix(REWARD): file[name] for name in file.files if name.startswith(REWARD)}
    except (OSError, ValueError, zipfile.BadZipFile):
        raise BenchError(f"{found} is damaged: run `bench train {source.replace('/', ' ')}` again") from None


def levels(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Return the cells in order: those of a level depend only on cells of earlier levels. Raises BenchError for a
    circle.
    """
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
    """Add the artefacts of block `index`.

    Only the demonstrations of the very first seed are kept, so that all methods share one expert.
    """
    for kind, arrays in artefacts.items():
        if kind == "demonstrations" and index:
            continue
        for name, array in arrays.items():
            rows = array[:1] if kind == "demonstrations" else array
            held.setdefault(f"{kind}/{name}", []).append(rows.detach().cpu().numpy())
