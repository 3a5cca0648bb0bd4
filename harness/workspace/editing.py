"""Let one command at a time edit params.yaml, so that two that run together do not lose each other's block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.files import lock_folder


@contextmanager
def editing(root: Path) -> Iterator[None]:
    """Hold the right to edit the project's parameters, by a lock on its folder; another process waits for it."""
    if not (root / "params.yaml").is_file():  # no project: whoever reads the file says so
        yield
        return
    with lock_folder(root, wait=True):
        yield
