"""Train many cells at once in processes of this machine."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from harness.places.cells import Cells
from harness.places.local import Local
from harness.places.loop import drive
from harness.plan.plan import Cell, Plan

LOG = ".scratch/train.log"


def train_all(root: Path, cells: Iterable[Cell], plan: Plan | None, workers: int, timeout: float | None = None) -> None:
    """Train and score cells, each as soon as the cells that it takes from are done.

    Tasks that take demonstrations are prepared then, and a cell whose record is up to date is skipped. Raises one
    BenchError that names what failed, after everything else is done.

    root: the project's folder.
    cells: the cells.
    plan: the plan of the project; if it is None, nothing is prepared and every cell is trained.
    workers: the number of processes.
    timeout: the seconds in which a job must make a step.
    """
    work = Cells(root, list(cells), plan)
    with Local(workers, root / LOG) as place, work.board.live.told_in(root):
        drive(work, place, work.board, timeout)
    work.board.settle(root / LOG)
