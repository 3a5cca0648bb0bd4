"""How far a job is: written at each step by the process that does it, read by the one that watches over it."""

from __future__ import annotations

import time
from collections.abc import MutableSequence

WAITING = "waiting"  # in place of a machine, for a job that no machine has taken yet
SIZE = 5
BEGUN, FIRST, SINCE, STEP, LAST = range(SIZE)


class Pulse:
    """where: on which machine. numbers: SIZE floats, shared between the two processes.

    Nothing is locked: a glance may be off by one step.
    """

    where = "here"

    def __init__(self, numbers: MutableSequence[float] | None = None):
        self.numbers = [0.0] * SIZE if numbers is None else numbers
        self.begin()

    def begin(self) -> None:
        """A new job."""
        for place in (STEP, FIRST, SINCE, LAST):
            self.numbers[place] = 0.0
        self.numbers[BEGUN] = time.monotonic()

    def beat(self, step: int) -> None:
        """Step `step`, counted from 1, is done."""
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
        """Steps of this process: those before its checkpoint do not count."""
        return int(self.numbers[STEP] - self.numbers[FIRST])

    @property
    def usual(self) -> float | None:
        """Seconds that a step takes, None before two were made."""
        return (self.numbers[LAST] - self.numbers[SINCE]) / (self.made - 1) if self.made > 1 else None

    def worked(self) -> float:
        """Seconds since the job began."""
        return time.monotonic() - self.numbers[BEGUN]

    def quiet(self) -> float:
        """Seconds since the last step, or since the job began."""
        return time.monotonic() - (self.numbers[LAST] or self.numbers[BEGUN])
