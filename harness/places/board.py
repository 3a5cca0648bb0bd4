"""The tally: a line for each job that has ended, with the time that is left, and what went wrong."""

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
    """failed: title of a job, or name of what was not even begun -> why.

    longest: of what is left of each job, that of the longest chain of jobs that wait for each other; no such chain can
    be shortened by more machines. live: shows what runs now.
    """

    def __init__(self, jobs: Iterable[Job], longest: Longest | None = None):
        self.longest, self.live = longest, Live()
        self.busy = 0.0  # seconds of the jobs that have ended, each by itself
        self.open = set(jobs)
        self.total, self.ended = len(self.open), 0
        self.made = 0.0  # cost of the steps made since `started`; those before a checkpoint do not count
        self.started = time.monotonic()
        self.running: dict[Job, Pulse] = {}
        self.failed: dict[str, str] = {}
        self.watch = Watch()

    def add(self, job: Job) -> None:
        self.open.add(job)
        self.total += 1

    def skip(self, jobs: Iterable[Job], name: str, line: str, failed: bool = False) -> None:
        """`jobs`, all of `name`, will not be done."""
        jobs = set(jobs)
        self.open -= jobs
        self.total -= len(jobs)
        if failed:
            self.failed[name] = line
        self.say(f"{name} {'failed: ' if failed else ''}{line}")

    def give_up(self, job: Job) -> None:
        """`job` will not be done, as another has failed; nothing where it was done."""
        if job in self.open:
            self.open.remove(job)
            self.total -= 1

    def began(self, job: Job, pulse: Pulse) -> None:
        self.running[job] = pulse

    def again(self, job: Job, why: str, times: int = 1) -> None:
        """`job` was lost; it is tried again, up to so many times."""
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
        """How long the open jobs will take at the pace so far; '' where nothing was made yet."""
        seconds = self.seconds_left(elapsed)
        return "" if seconds is None else f", about {seconds:.0f} s left"

    def seconds_left(self, elapsed: float) -> float | None:
        """The longer of two: all that is left at the pace of all together, and the longest chain at the pace of one."""
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
        """Say which of the running jobs stand, and show what runs."""
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
        """Raises BenchError where something failed, after all the rest is done."""
        if self.failed:
            first, why = next(iter(self.failed.items()))
            see = f" (see {log})" if log else ""
            raise BenchError(f"{len(self.failed)} of {self.total} jobs failed{see}, the first was {first}: {why}")


class Quiet(Board):
    """Says nothing of jobs that go well, nor how long they take."""

    def say(self, line: str) -> None:
        pass
