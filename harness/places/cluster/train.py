"""Train many cells at once on the nodes of a cluster."""

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
    """Train and score cells on a cluster, each as soon as the cells that it takes from are done.

    Raises BenchError before anything runs if the cluster is not suitable or another command does the same, and at the
    end if something failed.

    root: the project's folder.
    on: the cluster.
    cells: the cells.
    plan: the plan of the project.
    again: whether cells are trained whatever their records say.
    timeout: the seconds in which a block must make a step.
    """
    with place_on(root, on, plan, cells) as place:
        work = Apart(root, cells, None if again else plan, plan.takes)
        with work.board.live.told_in(root):
            drive(work, place, work.board, timeout)
    work.board.settle(root / LOG)


def results_on(
    root: Path, on: On, cells: Sequence[Cell], plan: Plan, jobs: Iterable[Job], timeout: float | None = None
) -> list[Any]:
    """Return the results of jobs in their order; errors and the other arguments are those of `train_on`.

    cells: the cells whose blocks take as much of a machine as a job.
    jobs: the jobs.
    """
    work = Listed(jobs)
    board = Board(work.jobs)
    with place_on(root, on, plan, cells) as place, board.live.told_in(root):
        drive(work, place, board, timeout)
    board.settle(root / LOG)
    return work.results()


@contextlib.contextmanager
def place_on(root: Path, on: On, plan: Plan, cells: Collection[Cell]) -> Iterator[Cluster]:
    """Yield the place, unless another command in `root` uses one. Raises BenchError if its nodes are unsuitable."""
    with checkpoint.lock_folder(root / DRIVER), connected(on) as ray:
        names = agreed(ray, plan, cells)
        with Cluster(ray, root, Home(on.shared, plan.params["preset"], root), names, root / LOG) as place:
            yield place


def agreed(ray: Any, plan: Plan, cells: Collection[Cell]) -> dict[str, str]:
    """Return the names of the nodes. Raises BenchError if they are not alike or have no room for the cells."""
    names = alike(ray)  # first, because afterwards a node that was just lost is no longer counted
    fitting(ray, sorted({(cell.task, plan.takes(cell)) for cell in cells}, key=str))
    return names


def refused(on: On, plan: Plan) -> None:
    """Raise BenchError if `train_on` would because of an unsuitable cluster, before a copy is made for it."""
    with connected(on) as ray:
        agreed(ray, plan, plan.cells)
