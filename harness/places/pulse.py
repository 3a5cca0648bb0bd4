"""Share a job's progress: the process that does it writes at each step, and the one that watches it reads."""

from __future__ import annotations

import time
from collections.abc import MutableSequence

WAITING = "waiting"  # in place of a machine, for a job that no machine has accepted yet
SIZE = 5
BEGUN, FIRST, SINCE, STEP, LAST = range(SIZE)


class Pulse:
    """The progress of a job. Nothing is locked, so a reading may be off by one step.

    where: the machine of the job.
    numbers: SIZE floats that the two processes share.
    """

    where = "here"

    def __init__(self, numbers: MutableSequence[float] | None = None):
        self.numbers = [0.0] * SIZE if numbers is None else numbers
        self.begin()

    def begin(self) -> None:
        """Begin a new job."""
        for place in (STEP, FIRST, SINCE, LAST):
            self.numbers[place] = 0.0
        self.numbers[BEGUN] = time.monotonic()

    def beat(self, step: int) -> None:
        """Note that step `step`, counted from 1, is done."""
        now = time.monotonic()
        if not self.numbers[STEP]:
            self.numbers[FIRST], self.numbers[SINCE] = step - 1, now
        self.numbers[LAST] = now
        self.numbers[STEP] = step

    @property
    def step(self) -> int:
        return int(self.numbers[STEP])

    @property
    def made(self) -> int:
        """Return the steps of this process, without those before its checkpoint."""
        return int(self.numbers[STEP] - self.numbers[FIRST])

    @property
    def usual(self) -> float | None:
        """Return the seconds that a step usually takes; None before two were made."""
        return (self.numbers[LAST] - self.numbers[SINCE]) / (self.made - 1) if self.made > 1 else None

    def worked(self) -> float:
        """Return the seconds since the job began."""
        return time.monotonic() - self.numbers[BEGUN]

    def quiet(self) -> float:
        """Return the seconds since the last step, or since the job began."""
        return time.monotonic() - (self.numbers[LAST] or self.numbers[BEGUN])
