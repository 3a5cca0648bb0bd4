"""Jobs that sleep, stand, die and fail; as a program, a pool of sleepers for others to kill."""

from __future__ import annotations

import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

from harness.errors import BenchError
from harness.places.jobs import Job
from harness.places.local import results
from harness.places.pulse import Pulse
from harness.run import signals


class Odd(Exception):
    """An exception that pickle cannot bring back."""

    def __init__(self, one: str, other: str):
        super().__init__(f"{one} {other}")


def nap(path: Path, seconds: float, pulse: Pulse) -> int:
    _came(path)
    time.sleep(seconds)
    return os.getpid()


def deaf(path: Path, pulse: Pulse) -> None:
    """Sleeps for good and hears no request to stop."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    nap(path, 60, pulse)


def die(path: Path, times: int, pulse: Pulse) -> str:
    if _came(path) <= times:
        os.kill(os.getpid(), signal.SIGKILL)
    return "alive"


def fail(path: Path, odd: bool, pulse: Pulse) -> None:
    _came(path)
    raise Odd("one", "other") if odd else BenchError("bad\ninput")


def stand(path: Path, pulse: Pulse) -> None:
    """Three quick steps, and no more."""
    _came(path)
    for step in (1, 2, 3):
        pulse.beat(step)
        time.sleep(0.02)
    time.sleep(60)


def _came(path: Path) -> int:
    """Leaves a line for each try; how many there are."""
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{os.getpid()}\n")
    return len(path.read_text(encoding="utf-8").splitlines())


def main(folder: Path) -> int:
    jobs = [Job("nap", partial(nap, folder / "nap", 60)), Job("deaf", partial(deaf, folder / "deaf"))]
    try:
        with signals.stop_on_signals():
            results(jobs, 2, folder / "log")
    except KeyboardInterrupt as stop:
        return signals.report_stop(stop)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
