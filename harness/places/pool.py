"""Many cells on one machine: blocks of seeds on long-lived worker processes, the longest first."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
import traceback
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from harness.errors import BenchError
from harness.places.prepare import prepare
from harness.places.train import finish_cell, train_block
from harness.plan import needs
from harness.plan.plan import Cell, Plan
from harness.plan.state import UP_TO_DATE, state

LOG = ".scratch/train.log"  # what the workers print, whose progress bars would run into each other
SCORING_SHARE = 0.02  # of a cell's cost, for the time that is left


@dataclass(frozen=True)
class Job:
    """One block to train, or, with block None, a cell to score."""

    cell: Cell
    block: int | None

    @property
    def cost(self) -> float:
        steps = self.cell.task_params.steps
        if self.block is None:
            return SCORING_SHARE * steps * len(self.cell.seeds)
        return steps * len(self.cell.blocks[self.block])

    @property
    def title(self) -> str:
        part = "scores" if self.block is None else f"block {self.block + 1} of {len(self.cell.blocks)}"
        return f"{self.cell.task}/{self.cell.name} {part}"


def train_all(root: Path, cells: Iterable[Cell], plan: Plan, workers: int) -> None:
    """Train and score `cells`, those first that others take from; tasks that take demonstrations are prepared then.

    A cell whose record is up to date is left alone. What fails is named in one BenchError, after all the rest is done.
    """
    failed: dict[str, str] = {}
    for level in needs.levels(list(cells)):
        for task in dict.fromkeys(cell.task for cell in level if needs.demonstrations(cell.task_params)):
            try:
                prepare(root, plan, task)
            except BenchError as error:
                failed[f"{task} prepared"] = str(error)
        due = [cell for cell in level if state(root, cell) != UP_TO_DATE]
        for cell in level:
            if cell not in due:
                print(f"{cell.task}/{cell.name} is up to date", flush=True)
        failed |= _train_level(root, due, workers) if due else {}
    if failed:
        first, why = next(iter(failed.items()))
        raise BenchError(f"{len(failed)} jobs failed (see {root / LOG}), the first was {first}: {why}")


def _train_level(root: Path, cells: list[Cell], workers: int) -> dict[str, str]:
    """Job -> why it failed, for those that did."""
    blocks = [Job(cell, i) for cell in cells for i in range(len(cell.blocks))]
    waiting = sorted(blocks, key=lambda job: job.cost)  # popped from its end
    tally = Tally(sum(job.cost for job in blocks + [Job(cell, None) for cell in cells]), len(blocks) + len(cells))
    left = {id(cell): len(cell.blocks) for cell in cells}
    failed: dict[str, str] = {}
    (root / LOG).parent.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, initializer=_log_to, initargs=(root / LOG,))
    running: dict[Future, Job] = {}
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                job = waiting.pop()
                running[pool.submit(_do, root, job)] = job
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                job = running.pop(future)
                if error := future.exception():
                    failed[job.title] = _explained(error, root / LOG)
                elif job.block is not None:
                    left[id(job.cell)] -= 1
                    if left[id(job.cell)] == 0:
                        waiting.append(Job(job.cell, None))
                tally.done(job, failed.get(job.title))
    finally:
        for child in multiprocessing.active_children():
            child.terminate()
        pool.shutdown(cancel_futures=True)
    return failed


class Tally:
    """One line for each job that has ended."""

    def __init__(self, cost: float, jobs: int):
        self.cost, self.jobs = cost, jobs
        self.cost_done, self.jobs_done = 0.0, 0
        self.started = time.monotonic()

    def done(self, job: Job, failure: str | None) -> None:
        self.cost_done += job.cost
        self.jobs_done += 1
        elapsed = time.monotonic() - self.started
        left = elapsed * max(self.cost / self.cost_done - 1, 0)
        outcome = f"failed: {failure}" if failure else "done"
        print(
            f"[{self.jobs_done}/{self.jobs}] {job.title} {outcome}, {elapsed:.0f} s, about {left:.0f} s left",
            flush=True,
        )


def _do(root: Path, job: Job) -> None:
    if job.block is None:
        finish_cell(root, job.cell)
    else:
        train_block(root, job.cell, job.block)


def _log_to(path: Path) -> None:
    with open(path, "a", encoding="utf-8") as log:
        sys.stdout.flush()
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)


def _explained(error: BaseException, log: Path) -> str:
    if isinstance(error, BrokenProcessPool):
        raise BenchError(
            "a worker process was killed (out of memory?): run the same command again, it resumes"
        ) from None
    if not isinstance(error, BenchError):
        with open(log, "a", encoding="utf-8") as file:
            traceback.print_exception(error, file=file)
    return " ".join(str(error).split()) or type(error).__name__
