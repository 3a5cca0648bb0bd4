"""Says of a job that has stopped moving, once each time, since when."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

from harness.places.jobs import Job
from harness.places.pulse import Pulse

TIMES = 10  # the usual step, and a job counts as standing
LEAST = 30.0  # seconds: a checkpoint, or a machine with too much to do, is no standing job
LOOK_SECONDS = 1.0


class Watch:
    """least: seconds under which no job counts as standing."""

    def __init__(self, least: float | None = None):
        self.least = LEAST if least is None else least
        self.told: dict[Job, int] = {}  # the step at which it stood

    def look(self, job: Job, pulse: Pulse) -> str | None:
        """The line to say now, or None. A job without steps, or between its last step and its end, says nothing."""
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
    """The pulse for a job that this very process does, which a thread watches meanwhile."""
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
