"""Many cells at once, on processes of this machine."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from harness.places.cells import Cells
from harness.places.local import Local
from harness.places.loop import drive
from harness.plan.plan import Cell, Plan

LOG = ".scratch/train.log"


def train_all(root: Path, cells: Iterable[Cell], plan: Plan | None, workers: int, timeout: float | None = None) -> None:
    """Train and score `cells`, each as soon as those are done that it takes from.

    Tasks that take demonstrations are prepared then, and a cell whose record is up to date is left alone. Without a
    plan nothing is prepared and every cell is trained. timeout: seconds in which a job has to move. Raises one
    BenchError that names what failed, after all the rest is done.
    """
    work = Cells(root, list(cells), plan)
    with Local(workers, root / LOG) as place, work.board.live.told_in(root):
        drive(work, place, work.board, timeout)
    work.board.settle(root / LOG)
