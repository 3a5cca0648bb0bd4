"""Order the jobs of cells: a cell waits for the cells that it takes from, and its scores wait for all of its blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from harness.errors import BenchError
from harness.places import errand
from harness.places.board import Board
from harness.places.jobs import ONE_CORE, Job, Outcome
from harness.places.prepare import prepare
from harness.places.pulse import Pulse
from harness.places.train import finish_cell, train_block
from harness.plan import needs
from harness.plan.needs import label
from harness.plan.plan import Cell, Plan
from harness.plan.resources import Resources
from harness.plan.state import UP_TO_DATE, state

SCORING_SHARE = 0.02  # the share of a cell's cost that scoring takes


def block_jobs(root: Path, cell: Cell, first: bool = False, takes: Resources | None = None) -> list[Job]:
    """Return a job for each block of a cell.

    first: whether other jobs wait for these.
    takes: what a block takes of a machine; None on this machine, which does not ask.
    """
    return [
        Job(
            f"{label(cell)} block {index + 1} of {len(cell.blocks)}",
            partial(_train, root, cell, index),
            cell.task_params.steps * len(seeds),
            cell.task_params.steps,
            first,
            partial(errand.block, root, cell, index),
            takes or ONE_CORE,
        )
        for index, seeds in enumerate(cell.blocks)
    ]


def scores_job(root: Path, cell: Cell) -> Job:
    cost = SCORING_SHARE * cell.task_params.steps * len(cell.seeds)
    return Job(f"{label(cell)} scores", partial(_score, root, cell), cost, first=True)


class Cells:
    """A `Work` whose jobs train cells, with the board that it fills.

    plan: the plan to prepare tasks that take demonstrations; if it is None, every cell is trained whatever its record
        says.
    takes: what a block of a cell takes of a machine; only other machines ask.
    """

    def __init__(
        self, root: Path, cells: Sequence[Cell], plan: Plan | None, takes: Callable[[Cell], Resources] | None = None
    ):
        self.root, self.plan = root, plan
        self.left = [cell for level in needs.levels(cells) for cell in level]  # raises for a cycle
        self.taken = {source for cell in cells for source in needs.sources(cell)}
        self.order = {label(cell): needs.sources(cell) for cell in self.left}
        self.blocks = {
            label(cell): block_jobs(root, cell, label(cell) in self.taken, takes and takes(cell)) for cell in cells
        }
        self.scores = {label(cell): scores_job(root, cell) for cell in cells}
        self.board = Board((job for name in self.scores for job in self._jobs(name)), self.longest)
        self.undone = set(self.scores)  # names of cells that others must wait for
        self.failed: set[str] = set()
        self.pending: dict[str, set[Job]] = {}  # the open jobs of cells that were begun
        self.prepared: dict[str, str | None] = {}  # task -> why not
        self.preparing: dict[Job, str] = {}
        self.due: list[Job] = []

    def ready(self) -> list[Job]:
        for cell in [*self.left]:  # each cell comes after those that it takes from
            if not needs.sources(cell) & self.undone and self._prepared(cell):
                self.left.remove(cell)
                self._begin(cell)
        now, self.due = self.due, []
        return now

    def done(self, job: Job, outcome: Outcome) -> None:
        if task := self.preparing.pop(job, None):
            self.prepared[task] = outcome.failure
            return
        name = next(name for name, jobs in self.pending.items() if job in jobs)
        self.pending[name].remove(job)
        if outcome.failure:
            self.failed.add(name)
        self._ended(name, job, outcome)

    def longest(self, left: Callable[[Job], float]) -> float:
        """Return the cost of the longest chain of jobs of which each waits for the one before.

        left: a function from a job to the cost left of it.
        """
        path: dict[str, float] = {}
        for name, taken in self.order.items():
            own = max(map(left, self.blocks[name])) + left(self.scores[name])
            path[name] = own + max((path.get(source, 0.0) for source in taken), default=0.0)
        return max(path.values(), default=0.0)

    def _ended(self, name: str, job: Job, outcome: Outcome) -> None:
        """Note that a job of cell `name` is done or has failed; the scores are next once all blocks are trained."""
        if self.pending[name]:
            return
        if job is self.scores[name] or name in self.failed:
            self.board.give_up(self.scores[name])
            self.undone.remove(name)
        else:
            self._give(name, [self.scores[name]])

    def _prepared(self, cell: Cell) -> bool:
        """Return whether the task was prepared or could not be; if it is neither, start a job that prepares it."""
        if self.plan is None or not needs.demonstrations(cell.task_params) or needs.sources(cell) & self.failed:
            return True
        if cell.task not in self.prepared and cell.task not in self.preparing.values():
            job = Job(f"{cell.task} prepared", partial(_prepare, self.root, self.plan, cell.task), cost=0.0, first=True)
            self.preparing[job] = cell.task
            self.board.add(job)
            self.due.append(job)
        return cell.task in self.prepared

    def _begin(self, cell: Cell) -> None:
        name = label(cell)
        try:
            for source in sorted(needs.sources(cell) & self.failed):
                raise BenchError(f"takes from {source}, which failed")
            if why := self.prepared.get(cell.task):
                raise BenchError(f"its task could not be prepared: {why}")
            if self.plan is None or self._lacks(cell) or state(self.root, cell) != UP_TO_DATE:
                self._give(name, self.blocks[name])
                return
            self.board.skip(self._jobs(name), name, "is up to date")
        except BenchError as error:
            self.failed.add(name)
            self.board.skip(self._jobs(name), name, str(error), failed=True)
        self.undone.remove(name)

    def _lacks(self, cell: Cell) -> bool:
        """Return whether what others take from the cell is missing: an archive may keep the rest of a record alone."""
        return label(cell) in self.taken and not (self.root / needs.place(label(cell))).is_file()

    def _give(self, name: str, jobs: Sequence[Job]) -> None:
        self.pending[name] = set(jobs)
        self.due += jobs

    def _jobs(self, name: str) -> list[Job]:
        return [*self.blocks[name], self.scores[name]]


def _train(root: Path, cell: Cell, index: int, pulse: Pulse) -> None:
    train_block(root, cell, index, pulse=pulse)


def _score(root: Path, cell: Cell, pulse: Pulse) -> None:
    finish_cell(root, cell)


def _prepare(root: Path, plan: Plan, task: str, pulse: Pulse) -> None:
    prepare(root, plan, task)
