"""Show what is running: one line in the terminal, and a file that `bench list` reads."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.errors import BenchError
from harness.files import write_text
from harness.places.jobs import Job
from harness.places.pulse import WAITING, Pulse

FILE = ".scratch/board.json"
LINE_SECONDS = {True: 1.0, False: 60.0}  # seconds between two lines, on a terminal and elsewhere
FILE_SECONDS = 5.0
HEARD_SECONDS = 60.0  # if the file was not written for so long, the run is reported as ended


@dataclass(frozen=True)
class Running:
    """A job that is running.

    where: the machine that it runs on.
    rate: its steps per second; 0 if not yet known.
    """

    title: str
    where: str
    step: int
    steps: int
    rate: float

    @staticmethod
    def of(job: Job, pulse: Pulse) -> Running:
        return Running(job.title, pulse.where, pulse.step, job.steps, round(1 / pulse.usual, 2) if pulse.usual else 0.0)


class Live:
    """The line and the file.

    path: the path of the file; None for no file.
    """

    def __init__(self) -> None:
        self.path: Path | None = None
        self.terminal = sys.stdout.isatty()
        self.shown = False
        self.line_at = time.monotonic()
        self.file_at = -FILE_SECONDS

    def due(self) -> bool:
        """Return whether it is time to show something again."""
        now = time.monotonic()
        return now - self.line_at >= LINE_SECONDS[self.terminal] or self._file_due(now)

    def show(self, running: list[Running], ended: int, total: int, seconds: float | None) -> None:
        """Show the state of the jobs.

        running: the jobs that are running.
        ended: the number of jobs that have ended.
        total: the number of all jobs.
        seconds: the seconds left; None if unknown.
        """
        line, now = told(running, ended, total, seconds), time.monotonic()
        if now - self.line_at >= LINE_SECONDS[self.terminal]:
            self.line_at = now
            if self.terminal:
                columns = os.get_terminal_size().columns if sys.stdout.isatty() else 80
                print(f"\r\x1b[K{line[: columns - 1]}", end="", flush=True)
            else:
                print(line, flush=True)
            self.shown = self.terminal
        if self.path is not None and self._file_due(now):
            self.file_at = now
            text = json.dumps({"at": time.time(), "line": line, "jobs": [asdict(job) for job in running]}, indent=1)
            with contextlib.suppress(BenchError):  # the run itself says what cannot be written
                write_text(self.path, f"{text}\n")

    def wipe(self) -> None:
        """Erase the line, so that another one can be printed."""
        if self.shown:
            print("\r\x1b[K", end="")
            self.shown = False

    @contextlib.contextmanager
    def told_in(self, root: Path) -> Iterator[None]:
        """Keep a file below `root` within the context; it is removed afterwards."""
        self.path = root / FILE
        try:
            yield
        finally:
            self.wipe()
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)

    def _file_due(self, now: float) -> bool:
        return self.path is not None and now - self.file_at >= FILE_SECONDS


def told(running: list[Running], ended: int, total: int, seconds: float | None) -> str:
    """Return the line: '3 of 22 jobs done; node-a: 2 running, 310 steps/s; about 812 s left'."""
    places: dict[str, list[Running]] = {}
    for job in running:
        places.setdefault(job.where, []).append(job)
    parts = [f"{ended} of {total} jobs done"]
    for where, jobs in sorted(places.items()):
        rate = sum(job.rate for job in jobs)
        doing = f"{where}: {len(jobs)} running" + (f", {rate:.4g} steps/s" if rate else "")
        parts.append(f"{len(jobs)} waiting" if where == WAITING else doing)
    return "; ".join([*parts, *([] if seconds is None else [f"about {seconds:.0f} s left"])])


def heard(root: Path) -> str | None:
    """Return the last line of a run in `root`, for `bench list`; None if none is running."""
    try:
        found = json.loads((root / FILE).read_text(encoding="utf-8"))
        line, ago = str(found["line"]), time.time() - float(found["at"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if ago > HEARD_SECONDS:
        return f"a run was last heard of {ago:.0f} s ago: {line}"
    return f"running: {line}"
