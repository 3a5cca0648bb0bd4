"""Refuse to write a file that a user asked for over one of the project's own."""

from __future__ import annotations

import subprocess
from pathlib import Path

from harness.errors import BenchError
from harness.plan.origin import CODE
from harness.report.page.folder import GENERATED, SOURCES


def check_output(root: Path, path: Path, option: str, over: tuple[str, ...] = ()) -> None:
    """Raise BenchError if `path` is a file of the project's sources or records, or lies where git keeps its own.

    root: the project's folder.
    path: the file that is to be written.
    option: the option that names it, for the message.
    over: folders below the root in which the command may replace what is there.
    """
    whole = path.resolve()
    if not whole.is_relative_to(root.resolve()) or whole == root.resolve():  # a folder is refused by whoever writes
        return
    inside = whole.relative_to(root.resolve())
    if inside.parts[0] in GENERATED or any(inside.is_relative_to(folder) for folder in over):
        return
    if inside.parts[0] == ".git" or _kept(root, inside):
        raise BenchError(f"{option} {path} is among the project's own files: name another file")


def _kept(root: Path, inside: Path) -> bool:
    """Return whether git knows the file, or without git whether it lies where the project has its own."""
    try:
        asked = ["git", "-C", str(root), "ls-files", "--error-unmatch", "--", inside.as_posix()]
        status = subprocess.run(asked, capture_output=True, check=False).returncode
    except OSError:
        status = 128
    return status == 0 if status in (0, 1) else inside.parts[0] in {*SOURCES, *CODE}
