"""Which processes are there, by the system's own list."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

if not Path("/proc/self/stat").exists():
    pytest.skip("the list of processes is that of Linux", allow_module_level=True)


def session(leader: int) -> list[int]:
    """The living processes of a session; one that has ended and that nobody has asked about is none."""
    return [process for process, (state, of) in _all() if of == leader and state not in "ZX"]


def alive(process: int) -> bool:
    return any(found == process and state not in "ZX" for found, (state, _) in _all())


def gone_within(seconds: float, there: Callable[[], object]) -> bool:
    until = time.monotonic() + seconds
    while there():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def _all() -> list[tuple[int, tuple[str, int]]]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        found.append((int(path.parent.name), (words[0], int(words[3]))))
    return found
