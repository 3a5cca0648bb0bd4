"""What runs now: one line in the terminal, and a file that `bench list` reads."""

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
LINE_SECONDS = {True: 1.0, False: 60.0}  # between two lines, on a terminal and elsewhere
FILE_SECONDS = 5.0
HEARD_SECONDS = 60.0  # after which a file that is not written any more is told as that of a run that ended


@dataclass(frozen=True)
class Running:
    """A job that runs now. where: on which machine; rate: its steps a second, 0 where not yet known."""

    title: str
    where: str
    step: int
    steps: int
    rate: float

    @staticmethod
    def of(job: Job, pulse: Pulse) -> Running:
        return Running(job.title, pulse.where, pulse.step, job.steps, round(1 / pulse.usual, 2) if pulse.usual else 0.0)


class Live:
    """path: of the file; None: there is none."""

    def __init__(self) -> None:
        self.path: Path | None = None
        self.terminal = sys.stdout.isatty()
        self.shown = False
        self.line_at = time.monotonic()
        self.file_at = -FILE_SECONDS

    def due(self) -> bool:
        """Whether there is something to show again."""
        now = time.monotonic()
        return now - self.line_at >= LINE_SECONDS[self.terminal] or self._file_due(now)

    def show(self, running: list[Running], ended: int, total: int, seconds: float | None) -> None:
        """ended, total: of all jobs. seconds: that are left, None where that is not known."""
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
        """Take the line away, so that another one can be printed."""
        if self.shown:
            print("\r\x1b[K", end="")
            self.shown = False

    @contextlib.contextmanager
    def told_in(self, root: Path) -> Iterator[None]:
        """Within, there is a file below `root` too; afterwards nothing runs any more."""
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
    """The line: '3 of 22 jobs done; node-a: 2 running, 310 steps/s; about 812 s left'."""
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
    """What a run in `root` told last, for `bench list`; None where none runs."""
    try:
        found = json.loads((root / FILE).read_text(encoding="utf-8"))
        line, ago = str(found["line"]), time.time() - float(found["at"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if ago > HEARD_SECONDS:
        return f"a run was last heard of {ago:.0f} s ago: {line}"
    return f"running: {line}"
