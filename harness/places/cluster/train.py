"""Many cells at once, on the nodes of a cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from harness.places.board import Board
from harness.places.cluster.apart import Apart
from harness.places.cluster.connect import alike, connected, fitting
from harness.places.cluster.home import Home
from harness.places.cluster.on import On
from harness.places.cluster.place import Cluster
from harness.places.jobs import Job, Listed
from harness.places.loop import drive
from harness.places.pool import LOG
from harness.plan.plan import Cell, Plan
from harness.run import checkpoint

DRIVER = ".scratch/driver"


def train_on(
    root: Path, on: On, cells: Sequence[Cell], plan: Plan, again: bool = False, timeout: float | None = None
) -> None:
    """Train and score `cells` on a cluster, each as soon as those are done that it takes from.

    again: whether cells are trained whatever their records say. timeout: seconds in which a block has to move. Raises
    BenchError before anything runs where the cluster does not do, while another command does the same, and afterwards
    where something failed.
    """
    with place_on(root, on, plan, cells) as place:
        work = Apart(root, cells, None if again else plan, plan.takes)
        with work.board.live.told_in(root):
            drive(work, place, work.board, timeout)
    work.board.settle(root / LOG)


def results_on(
    root: Path, on: On, cells: Sequence[Cell], plan: Plan, jobs: Iterable[Job], timeout: float | None = None
) -> list[Any]:
    """What each of the jobs returns, in their order; they take what blocks of `cells` take. Errors as of `train_on`."""
    work = Listed(jobs)
    board = Board(work.jobs)
    with place_on(root, on, plan, cells) as place, board.live.told_in(root):
        drive(work, place, board, timeout)
    board.settle(root / LOG)
    return work.results()


@contextlib.contextmanager
def place_on(root: Path, on: On, plan: Plan, cells: Collection[Cell]) -> Iterator[Cluster]:
    """The place, where nobody else in `root` has one. Raises BenchError where its nodes do not do for `cells`."""
    with checkpoint.lock_folder(root / DRIVER), connected(on) as ray:
        names = agreed(ray, plan, cells)
        with Cluster(ray, root, Home(on.shared, plan.params["preset"], root), names, root / LOG) as place:
            yield place


def agreed(ray: Any, plan: Plan, cells: Collection[Cell]) -> dict[str, str]:
    """The names of the nodes, which are alike and have room. Raises BenchError where they do not do."""
    fitting(ray, sorted({(cell.task, plan.takes(cell)) for cell in cells}, key=str))
    return alike(ray)


def refused(on: On, plan: Plan) -> None:
    """Raise BenchError where `train_on` would for want of a fitting cluster: before a copy is made for it."""
    with connected(on) as ray:
        agreed(ray, plan, plan.cells)
