"""More seeds than the parameters name: for the cells of this tree, or of a preset in its private copy.

A preset's archived records come into the copy first, so that only what they lack is trained; they are those of an
older commit, so the present code must make the states that they hold. `bench merge` brings the joined ones back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import BenchError
from harness.places.join import of_one_cell
from harness.places.pool import train_all
from harness.places.prepare import prepare
from harness.plan import needs
from harness.plan.further import further
from harness.plan.identity import data_manifest
from harness.plan.plan import Cell, Plan
from harness.ranges import following, span
from harness.schema import read_head
from harness.store import HEAD
from harness.workspace.copies import COPIED
from harness.workspace.verify import found_again

STEPS = 10  # of the first block, that a record of older code is judged by


def rows(plan: Plan, chosen: Sequence[Cell]) -> list[Cell]:
    """What `--more-seeds` is of: those of `chosen` that learn from others, and the cells whose rewards they take.

    An expert keeps its seeds, as one of them shows its episodes to all; and ablated cells take part where they are
    named themselves.
    """
    taught = {needs.demonstrations(cell.task_params) for cell in plan.cells}
    wanted = {needs.label(cell) for cell in chosen} - taught
    wanted |= {source for cell in chosen if needs.label(cell) in wanted and (source := needs.reward(cell))}
    return [cell for cell in plan.cells if needs.label(cell) in wanted]


def train_more(
    root: Path,
    plan: Plan,
    cells: Sequence[Cell],
    seeds: Callable[[Cell], Sequence[int]],
    jobs: int = 1,
    timeout: float | None = None,
    across_code: bool = False,
) -> list[Cell]:
    """Train what `cells` lack of the seeds that `seeds` asks for, and join it to their records; returns what was.

    across_code: in a private copy, join to records whose states the present code does not make bit for bit, too; the
    parameters and data have to be the same all the same. Raises BenchError as `further` and `train_all` do.
    """

    def agrees(cell: Cell) -> bool:
        found = _agrees(root, cell, timeout)
        if not found and across_code:
            print(f"{cell}: the present code makes other states than its record holds; asked to join all the same")
        return found or across_code

    in_copy = (root / COPIED).is_file()
    if in_copy:
        for task in dict.fromkeys(cell.task for cell in cells):
            prepare(root, plan, task)
    work = []
    for cell in cells:
        if in_copy:
            _must_fit(root, cell)
        asked = further(root, cell, seeds(cell), agrees if in_copy else None)
        if asked is None:
            print(f"{cell} has seeds {span(seeds(cell))} already", flush=True)
            continue
        print(f"{cell}: {'to its record join' if asked.joins else 'trained together are'} seeds {span(asked.seeds)}")
        work.append(asked)
    train_all(root, work, plan, jobs, timeout)
    return work


def these(seeds: Sequence[int]) -> Callable[[Cell], Sequence[int]]:
    """The same seeds for every cell."""
    return lambda cell: seeds


def by_count(more: int) -> Callable[[Cell], Sequence[int]]:
    """The next `more` seeds after those that the parameters name."""
    return lambda cell: following(cell.named, more)


def _must_fit(root: Path, cell: Cell) -> None:
    """Raises BenchError where the record of `cell`, if there is one, was made with other parameters or data."""
    if not (cell.folder(root) / HEAD).is_file():
        return
    data_hash = data_manifest(root, cell.task)["data_hash"]
    if wrong := of_one_cell(read_head(cell.folder(root)), cell, data_hash):
        raise BenchError(
            f"{cell}: {wrong} of its record is not what the parameters say: more seeds would be of another cell"
        )


def _agrees(root: Path, cell: Cell, timeout: float | None) -> bool:
    """Whether the present code makes the first states of the record of `cell`; what was found lies beside it then."""
    named = replace(cell, seeds=cell.named)
    try:
        return found_again(root, [named], cell.folder(root).parents[1], STEPS, 1, timeout, leave=True)[str(cell)]
    except BenchError as error:
        raise BenchError(f"whether the present code makes the record of {cell} could not be told: {error}") from None
