"""Keep the tally of jobs: print a line for each job that has ended, with the time left, and collect failures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from harness.errors import BenchError
from harness.places.jobs import Job, Outcome
from harness.places.live import Live, Running
from harness.places.pulse import Pulse
from harness.places.watch import Watch

Longest = Callable[[Callable[[Job], float]], float]


class Board:
    """The state of all jobs.

    failed: the title of a job, or the name of what was not even begun -> the reason.
    longest: a function that returns the cost of the longest chain of jobs that wait for each other, given the cost left
        of each job; more machines cannot shorten such a chain.
    live: the line and file that show what is running.
    """

    def __init__(self, jobs: Iterable[Job], longest: Longest | None = None):
        self.longest, self.live = longest, Live()
        self.busy = 0.0  # the sum of the seconds of the jobs that have ended
        self.open = set(jobs)
        self.total, self.ended = len(self.open), 0
        self.made = 0.0  # the cost of the steps made since `started`, without those before a checkpoint
        self.started = time.monotonic()
        self.running: dict[Job, Pulse] = {}
        self.failed: dict[str, str] = {}
        self.watch = Watch()

    def add(self, job: Job) -> None:
        self.open.add(job)
        self.total += 1

    def skip(self, jobs: Iterable[Job], name: str, line: str, failed: bool = False) -> None:
        """Note that jobs will not be done.

        jobs: the jobs, which all belong to `name`.
        name: the name of a cell.
        line: the reason.
        failed: whether this is a failure.
        """
        jobs = set(jobs)
        self.open -= jobs
        self.total -= len(jobs)
        if failed:
            self.failed[name] = line
        self.say(f"{name} {'failed: ' if failed else ''}{line}")

    def give_up(self, job: Job) -> None:
        """Note that a job will not be done because another has failed; do nothing if it was done."""
        if job in self.open:
            self.open.remove(job)
            self.total -= 1

    def began(self, job: Job, pulse: Pulse) -> None:
        self.running[job] = pulse

    def again(self, job: Job, why: str, times: int = 1) -> None:
        """Note that a job was lost and is tried again, up to `times` times."""
        del self.running[job]
        self.say(f"{job.title}: {why}, it is tried again {'once' if times == 1 else f'up to {times} times'}")

    def done(self, job: Job, outcome: Outcome) -> None:
        pulse = self.running.pop(job)
        self.busy += pulse.worked()
        self.made += job.cost * (pulse.made / job.steps if job.steps else 1)
        self.open.discard(job)
        self.ended += 1
        if outcome.failure:
            self.failed[job.title] = outcome.failure
        end = f"failed: {outcome.failure}" if outcome.failure else "done"
        elapsed = time.monotonic() - self.started
        self.say(f"[{self.ended}/{self.total}] {job.title} {end}, {elapsed:.0f} s{self.left(elapsed)}")

    def left(self, elapsed: float) -> str:
        """Say how long the open jobs will take at the pace so far; '' if no step was made yet."""
        seconds = self.seconds_left(elapsed)
        return "" if seconds is None else f", about {seconds:.0f} s left"

    def seconds_left(self, elapsed: float) -> float | None:
        """Return the larger of two times: what is left at the total pace, and the longest chain at one job's pace."""
        shares = {job: pulse for job, pulse in self.running.items() if job.steps}
        made = self.made + sum(job.cost * pulse.made / job.steps for job, pulse in shares.items())
        if not made:
            return None
        left = {job: job.cost * (1 - shares[job].step / job.steps if job in shares else 1) for job in self.open}
        seconds = elapsed * sum(left.values()) / made
        if self.longest is None:
            return seconds
        busy = self.busy + sum(pulse.worked() for pulse in shares.values())
        return max(seconds, self.longest(lambda job: left.get(job, 0.0)) * busy / made)

    def look(self) -> None:
        """Say which of the running jobs have stopped moving, and show what is running."""
        for job, pulse in self.running.items():
            if line := self.watch.look(job, pulse):
                self.say(line)
        if self.live.due():
            seconds = self.seconds_left(time.monotonic() - self.started)
            running = [Running.of(job, pulse) for job, pulse in self.running.items()]
            self.live.show(running, self.ended, self.total, seconds)

    def say(self, line: str) -> None:
        self.live.wipe()
        print(line, flush=True)

    def settle(self, log: Path | None = None) -> None:
        """Raise BenchError if something failed, after everything else is done."""
        if self.failed:
            first, why = next(iter(self.failed.items()))
            see = f" (see {log})" if log else ""
            raise BenchError(f"{len(self.failed)} of {self.total} jobs failed{see}, the first was {first}: {why}")


class Quiet(Board):
    """A board that prints nothing about jobs that succeed, or how long they take."""

    def say(self, line: str) -> None:
        pass
