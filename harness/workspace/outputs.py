"""Refuse to write a file that a user asked for over one of the project's own."""

from __future__ import annotations

import subprocess
from pathlib import Path

from harness.errors import BenchError

MADE = ("build", "reports")  # folders of what the project makes, and may make again


def check_output(root: Path, path: Path, option: str, over: tuple[str, ...] = ()) -> None:
    """Raise BenchError if `path` is a file of the project's sources or records, or lies where git keeps its own.

    root: the project's folder.
    path: the file that is to be written.
    option: the option that names it, for the message.
    over: folders below the root in which the command may replace what is there.
    """
    try:
        inside = path.resolve().relative_to(root.resolve())
    except ValueError:
        return
    top = inside.parts[0] if inside.parts else ""
    where = inside.as_posix()
    if top in MADE or any(where.startswith(f"{folder}/") for folder in over):
        return
    if top == ".git" or _kept(root, inside):
        raise BenchError(f"{option} {path} is among the project's own files: name another file")


def _kept(root: Path, inside: Path) -> bool:
    """Return whether git knows the file, or without git whether it exists."""
    try:
        known = subprocess.run(
            ["git", "-C", str(root), "ls-files", "--error-unmatch", "--", inside.as_posix()],
            capture_output=True,
            check=False,
        )
    except OSError:
        return (root / inside).exists()
    if known.returncode not in (0, 1):  # no repository
        return (root / inside).exists()
    return known.returncode == 0
