"""Run the event loop: start jobs on a place, the longest first, each as soon as the jobs that it waits for are done."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait

from harness.places.board import Board
from harness.places.jobs import Job, Lost, Outcome, Place, Work
from harness.places.watch import LOOK_SECONDS

KILLED = "its worker process was killed (out of memory?)"


def drive(work: Work, place: Place, board: Board, timeout: float | None = None) -> None:
    """Do all jobs of `work`, until it gives no more.

    A job whose worker is lost is tried again, as often as the place says.

    work: the source of jobs.
    place: where they run.
    board: the tally.
    timeout: the seconds without a step after which a job is ended as failed; None for no limit.
    """
    waiting: list[Job] = []
    running: dict[Future[Outcome], Job] = {}
    lost: Counter[Job] = Counter()
    ended: set[Job] = set()
    while True:
        waiting = sorted([*waiting, *work.ready()], key=lambda job: (job.first, job.cost), reverse=True)
        for job in [*waiting]:
            if place.room(job):
                waiting.remove(job)
                future = place.submit(job)
                running[future] = job
                board.began(job, place.pulse(future))
        if not running:
            return
        for future in wait(running, LOOK_SECONDS, FIRST_COMPLETED).done:
            job = running.pop(future)
            try:
                outcome = future.result()
            except BrokenExecutor as error:
                why = str(error) if isinstance(error, Lost) else KILLED
                lost[job] += 1
                if job not in ended and lost[job] < place.tries:
                    waiting.append(job)
                    board.again(job, why, place.tries - lost[job])
                    continue
                times = "twice" if place.tries == 2 else f"{place.tries} times"
                outcome = Outcome(failure=f"did not move for {timeout:g} s" if job in ended else f"{why} {times}")
            board.done(job, outcome)
            work.done(job, outcome)
        board.look()
        for future, job in running.items():
            quiet = place.pulse(future).quiet()
            if timeout is not None and job not in ended and quiet > timeout:
                ended.add(job)
                place.end(future)
