"""The one event loop: jobs on a place, the longest first, each as soon as what it waits for is done."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait

from harness.places.board import Board
from harness.places.jobs import Job, Outcome, Place, Work
from harness.places.watch import LOOK_SECONDS

KILLED = "its worker process was killed (out of memory?)"


def drive(work: Work, place: Place, board: Board, timeout: float | None = None) -> None:
    """Do all that `work` gives, until it gives no more.

    A job whose worker is lost is tried again once. One that does not move for `timeout` seconds is ended as failed.
    """
    waiting: list[Job] = []
    running: dict[Future[Outcome], Job] = {}
    lost: set[Job] = set()
    ended: set[Job] = set()
    while True:
        waiting = sorted([*waiting, *work.ready()], key=lambda job: (job.first, job.cost))  # popped from its end
        while waiting and len(running) < place.slots:
            job = waiting.pop()
            future = place.submit(job)
            running[future] = job
            board.began(job, place.pulse(future))
        if not running:
            return
        for future in wait(running, LOOK_SECONDS, FIRST_COMPLETED).done:
            job = running.pop(future)
            try:
                outcome = future.result()
            except BrokenExecutor:
                if job not in lost | ended:
                    lost.add(job)
                    waiting.append(job)
                    board.again(job, KILLED)
                    continue
                outcome = Outcome(failure=f"did not move for {timeout:g} s" if job in ended else f"{KILLED} twice")
            board.done(job, outcome)
            work.done(job, outcome)
        board.look()
        for future, job in running.items():
            if timeout is not None and job not in ended and place.pulse(future).quiet() > timeout:
                ended.add(job)
                place.end(future)
