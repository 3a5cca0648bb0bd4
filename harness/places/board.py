"""The tally: a line for each job that has ended, with the time that is left, and what went wrong."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from harness.errors import BenchError
from harness.places.jobs import Job, Outcome
from harness.places.pulse import Pulse
from harness.places.watch import Watch


class Board:
    """failed: title of a job, or name of what was not even begun -> why."""

    def __init__(self, jobs: Iterable[Job]):
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

    def again(self, job: Job, why: str) -> None:
        del self.running[job]
        self.say(f"{job.title}: {why}, it is tried again once")

    def done(self, job: Job, outcome: Outcome) -> None:
        pulse = self.running.pop(job)
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
        shares = {job: pulse for job, pulse in self.running.items() if job.steps}
        made = self.made + sum(job.cost * pulse.made / job.steps for job, pulse in shares.items())
        left = sum(job.cost for job in self.open) - sum(j.cost * p.step / j.steps for j, p in shares.items())
        return f", about {elapsed * left / made:.0f} s left" if made else ""

    def look(self) -> None:
        """Say which of the running jobs stand."""
        for job, pulse in self.running.items():
            if line := self.watch.look(job, pulse):
                self.say(line)

    def say(self, line: str) -> None:
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
