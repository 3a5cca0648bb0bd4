"""Run jobs on this machine in long-lived processes, each with its own executor, so that one death breaks no other."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any

from harness.errors import BenchError
from harness.places import memory
from harness.places.board import Board
from harness.places.jobs import Job, Listed, Outcome
from harness.places.loop import drive
from harness.places.pulse import SIZE, Pulse
from harness.run import lifeline, signals

GRACE = signals.GRACE + 0.5  # seconds for jobs that are told to stop


def results(
    jobs: Iterable[Job],
    workers: int,
    log: Path | None = None,
    timeout: float | None = None,
    board: type[Board] = Board,
) -> list[Any]:
    """Return the results of jobs in their order. Raises BenchError if one fails, after the others are done.

    jobs: the jobs.
    workers: the number of jobs at the same time.
    log: the log, as in `Local`.
    timeout: the seconds, as in `drive`.
    board: the kind of board.
    """
    with Local(workers, log) as place:
        return results_of(jobs, place, timeout, board)


def results_of(
    jobs: Iterable[Job], place: Local, timeout: float | None = None, board: type[Board] = Board
) -> list[Any]:
    """Return the results of jobs at a place that stays open; the other arguments are those of `results`."""
    work = Listed(jobs)
    told = board(work.jobs)
    drive(work, place, told, timeout)
    told.settle(place.log)
    return work.results()


class Local:
    """A place on this machine. Leaving it stops what is running, at a checkpoint if one comes within GRACE seconds.

    slots: the number of jobs at the same time.
    log: the file for the workers' lines, which would be mixed up in the terminal.
    """

    tries = 2

    def __init__(self, slots: int, log: Path | None = None):
        self.slots, self.log = slots, log
        self.idle: list[Worker] = []
        self.busy: dict[Future[Outcome], Worker] = {}

    def __enter__(self) -> Local:
        if self.log is not None:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            self.log.open("a", encoding="utf-8").close()  # a refusal is reported here, not by every worker
        return self

    def room(self, job: Job) -> bool:
        return sum(not future.done() for future in self.busy) < self.slots

    def submit(self, job: Job) -> Future[Outcome]:
        """Start a job; the future raises BrokenExecutor if the worker died."""
        for future in [future for future in self.busy if future.done()]:
            worker = self.busy.pop(future)
            if isinstance(future.exception(), BrokenExecutor):
                worker.close()
            else:
                self.idle.append(worker)
        worker = self._worker()
        future = worker.submit(job)
        self.busy[future] = worker
        return future

    def pulse(self, future: Future[Outcome]) -> Pulse:
        return self.busy[future].pulse

    def end(self, future: Future[Outcome]) -> None:
        """Kill the worker of a running job."""
        self.busy[future].process.kill()

    def __exit__(self, *_: object) -> None:
        running = [future for future in self.busy if not future.done()]
        for future in running:
            self.busy[future].process.terminate()
        wait(running, GRACE)
        for worker in [*self.idle, *self.busy.values()]:
            worker.close()

    def _worker(self) -> Worker:
        while self.idle:
            worker = self.idle.pop()
            if worker.process.is_alive():
                return worker
            worker.close()  # it died while it was idle
        return Worker(self.log)


class Worker:
    """A process and its pulse."""

    def __init__(self, log: Path | None):
        context = multiprocessing.get_context("spawn")
        numbers = context.RawArray("d", SIZE)
        self.pulse = Pulse(numbers)
        self.executor = ProcessPoolExecutor(1, context, initializer=_begin, initargs=(os.getpid(), numbers, log))
        others = set(multiprocessing.active_children())
        try:
            _start(self.executor)
        except BaseException:
            for process in set(multiprocessing.active_children()) - others:
                process.kill()  # nothing else would end it, and Python waits for its children
            raise
        (self.process,) = set(multiprocessing.active_children()) - others

    def submit(self, job: Job) -> Future[Outcome]:
        self.pulse.begin()
        return self.executor.submit(_do, job.run)

    def close(self) -> None:
        self.process.kill()
        self.executor.shutdown(cancel_futures=True)


def _start(executor: ProcessPoolExecutor) -> None:
    """Start an executor's process. Raises the error that ended a thread of it, for which jobs would wait for ever."""
    before, hook, ended = set(threading.enumerate()), threading.excepthook, []
    threading.excepthook = lambda args: ended.append(args.exc_value)
    try:
        first = executor.submit(int)
        # One thread receives from the process, and starts another one that sends to it.
        while not ended and not first.done() and len(set(threading.enumerate()) - before) < 2:
            time.sleep(0.001)
    finally:
        threading.excepthook = hook
    if ended:
        raise ended[0]


_pulse = Pulse()


def _begin(parent: int, numbers: Any, log: Path | None) -> None:
    """Set up a worker before its first job."""
    global _pulse
    lifeline.end_with(parent)
    signals.stop_worker_on_sigterm()
    _pulse = Pulse(numbers)
    if log is not None:
        with log.open("a", encoding="utf-8") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)


def _do(run: Callable[[Pulse], Any]) -> Outcome:
    """Run a job in the worker.

    An error is returned as one line, because not every exception can be pickled; its trace is in the log.
    """
    try:
        return Outcome(run(_pulse))
    except KeyboardInterrupt as stop:  # told to end: nothing may follow
        _flush()
        os._exit(signals.exit_status(stop))
    except BaseException as error:
        if not isinstance(error, BenchError):
            traceback.print_exc()
        return Outcome(failure=memory.told(error) or " ".join(str(error).split()) or type(error).__name__)
    finally:
        _flush()


def _flush() -> None:
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
