"""Report a job that has stopped moving, once each time, and since when."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

from harness.places.jobs import Job
from harness.places.pulse import Pulse

TIMES = 10  # usual steps without progress after which a job counts as stopped
LEAST = 30.0  # seconds, so that a checkpoint or a busy machine does not count as a stopped job
LOOK_SECONDS = 1.0


class Watch:
    """A watch over jobs.

    least: the seconds before which no job counts as stopped.
    """

    def __init__(self, least: float | None = None):
        self.least = LEAST if least is None else least
        self.told: dict[Job, int] = {}  # the step at which it stopped

    def look(self, job: Job, pulse: Pulse) -> str | None:
        """Return the line to print now, or None, as for a job without steps, or between its last step and its end."""
        step, usual, quiet = pulse.step, pulse.usual, pulse.quiet()
        if usual is None or step >= job.steps or quiet < max(TIMES * usual, self.least) or self.told.get(job) == step:
            return None
        self.told[job] = step
        since = time.strftime("%H:%M:%S", time.localtime(time.time() - quiet))
        return (
            f"{job.title} has not moved since {since} (step {step} of {job.steps}; a step usually takes {usual:.2g} s):"
            " wait, or end it and give --timeout SECONDS"
        )


@contextlib.contextmanager
def watched(job: Job) -> Iterator[Pulse]:
    """Yield the pulse of a job that this process does itself, while a thread watches it."""
    pulse, watch, ended = Pulse(), Watch(), threading.Event()

    def look() -> None:
        while not ended.wait(LOOK_SECONDS):
            if line := watch.look(job, pulse):
                print(line, flush=True)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield pulse
    finally:
        ended.set()
        thread.join()
