"""What git knows about a project's folder: its files, and the commit for the provenance.

Nothing here requires git. Without it, or if it refuses, files are found by walking the tree, and the commit is unknown,
with the reason.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REMEMBERED = ".origin.json"  # in a private copy: the commit of the tree that it was copied from
COPIED = ".copied"  # in a private copy: the files that came from the tree
CODE = ("harness", "baselines", "presets", "params.yaml")  # what a run follows from, and no run writes
LOCATED = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
)  # set in git's hooks, of the caller's repository

# Where git cannot tell what is ignored: made on this machine, at the top of the tree or anywhere in it.
AT_TOP = (
    ".git",
    ".venv",
    ".scratch",
    "build",
    "data",
    "dvc_plots",
    ".dvc/cache",
    ".dvc/tmp",
    ".dvc/config.local",
    COPIED,
    REMEMBERED,
)
ANYWHERE = ("reports/*/archived", "__pycache__", "*.pyc", "*.egg-info", ".*_cache", "MUJOCO_LOG.TXT")


class GitUnavailable(Exception):
    """Git cannot answer; the message is the reason in one line."""


def origin(root: Path) -> dict[str, Any]:
    """Return {"commit": 40 hex digits, "dirty": bool} of the tree at `root`, or {"commit": None, "why": one line}.

    Never raises. `dirty` says whether code, presets or parameters differ from the commit. A private copy is in a folder
    that git ignores, so it reports the state of its tree at the time of the copy.
    """
    try:
        return json.loads((root / REMEMBERED).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        pass
    try:
        _must_be_tracked(root)
        commit = _git(root, "log", "-1", "--no-show-signature", "--format=%H").decode().strip()
        changed = _git(root, "status", "--porcelain", "--untracked-files=normal", "--", *CODE)
    except GitUnavailable as why:
        return {"commit": None, "why": str(why).replace(str(root), ".")}  # provenance is published
    return {"commit": commit, "dirty": bool(changed)}


def files(root: Path) -> list[Path]:
    """Return the files of the tree, relative to `root`: tracked files and new ones that git does not ignore.

    If git cannot list them, returns all files except those that this project creates on a machine, and prints a line to
    standard error.
    """
    try:
        _must_be_tracked(root)
        listed = _git(root, "ls-files", "-coz", "--exclude-standard")
        paths = [Path(os.fsdecode(name)) for name in set(listed.split(b"\0")) - {b""}]
    except GitUnavailable as why:
        print(f"note: git cannot list the files, so all count except data, caches and builds: {why}", file=sys.stderr)
        paths = list(_walk(root))
    return sorted(path for path in paths if (root / path).is_file())


def _must_be_tracked(root: Path) -> None:
    """Raise GitUnavailable if `root` merely is inside some other repository, whose commit would be meaningless."""
    if not _git(root, "ls-files", "-z"):
        raise GitUnavailable(f"git does not track any file in {root}")


def _git(root: Path, *words: str) -> bytes:
    """Return the output of a git command that is run in `root` from any folder; it writes nothing, nor the index."""
    variables = {name: value for name, value in os.environ.items() if name not in LOCATED}
    command = ["git", "--no-optional-locks", "-C", str(root), *words]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, env=variables | {"LC_ALL": "C"}, check=False
        )
    except OSError as error:
        raise GitUnavailable(f"git cannot be run ({error.strerror})") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").split()
        raise GitUnavailable(" ".join(said) or f"git {words[0]} ended with status {done.returncode}")
    return done.stdout


def _walk(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        here = Path(folder).relative_to(root)
        folders[:] = [name for name in folders if not _is_local(root, here / name)]
        yield from (here / name for name in names if not _is_local(root, here / name))


def _is_local(root: Path, path: Path) -> bool:
    """Whether a path was created on this machine, including a virtual environment of any name."""
    known = path.as_posix() in AT_TOP or any(path.match(pattern) for pattern in ANYWHERE)
    return known or (root / path / "pyvenv.cfg").is_file()
