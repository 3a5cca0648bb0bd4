"""Show the progress of one block: a bar on a terminal, a plain line every ten seconds elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Protocol

from torch import Tensor

from harness.places.pulse import Pulse

SHOWN = ("loss_critic", "loss_generator", "loss", "kl", "beta", "accuracy")


class Shown(Protocol):
    """A display of a run's progress, which is called with each step and its logs [S], and closed at the end."""

    def __call__(self, step: int, logs: dict[str, Tensor]) -> None: ...

    def close(self) -> None: ...


class Progress:
    """A display that is called with each step and its logs, and prints means over seeds to standard error.

    The pace is that of the steps made in this process, not of those before a checkpoint. The first call shows where the
    run begins; one that continues from a checkpoint says from which step.

    title: the name of the block.
    steps: the number of steps of the run.
    pulse: the pulse to beat at each step.
    """

    def __init__(self, title: str, steps: int, pulse: Pulse | None = None, every_seconds: float = 10.0):
        self.title, self.steps, self.every = title, steps, every_seconds
        self.pulse = pulse or Pulse()
        self.first: int | None = None
        self.last = self.started = time.monotonic()
        self.bar = sys.stderr.isatty()
        if self.bar:
            self.every = 0.2
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn
            from rich.progress import Progress as Rich

            self.rich = Rich(
                TextColumn(title),
                BarColumn(),
                TextColumn("{task.completed:.0f}/{task.total:.0f}"),
                TextColumn("{task.fields[logs]}"),
                console=Console(stderr=True),
            )
            self.task = self.rich.add_task(title, total=steps, logs="")
            self.rich.start()

    def __call__(self, step: int, logs: dict[str, Tensor]) -> None:
        self.pulse.beat(step)
        now = time.monotonic()
        if self.first is None:
            self.first = step - 1
            if self.first:
                print(f"{self.title}: goes on from step {self.first} of {self.steps}", file=sys.stderr, flush=True)
        if step < self.steps and now - self.last < self.every:
            return
        self.last = now
        rate = self.pulse.made / max(now - self.started, 1e-9)
        values = "  ".join(f"{name} {float(logs[name].mean()):.4g}" for name in SHOWN if name in logs)
        pace = f"{rate:.1f} steps/s  {(self.steps - step) / max(rate, 1e-9):.0f} s left  {values}"
        if self.bar:
            self.rich.update(self.task, completed=step, logs=pace)
        else:
            print(f"{self.title}: step {step}/{self.steps}  {pace}", file=sys.stderr, flush=True)

    def close(self) -> None:
        """End the bar, so that the terminal is free for other output."""
        if self.bar:
            self.rich.stop()
