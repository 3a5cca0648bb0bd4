"""What git knows of a project's folder: its files, and the commit that provenance names.

Nothing here needs git. Without it, or where it refuses, files are found by walking the tree, and the commit is unknown,
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
ANYWHERE = ("__pycache__", "*.pyc", "*.egg-info", ".*_cache", "MUJOCO_LOG.TXT")


class Untold(Exception):
    """Git cannot tell, and the message is its reason in one line."""


def origin(root: Path) -> dict[str, Any]:
    """Return {"commit": 40 hex digits, "dirty": bool} of the tree at `root`, or {"commit": None, "why": one line}.

    Raises nothing. dirty: whether code, presets or parameters differ from the commit. A private copy lies in a folder
    that git ignores; it tells what its tree was when it was copied.
    """
    try:
        return json.loads((root / REMEMBERED).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        pass
    try:
        _must_be_tracked(root)
        commit = _git(root, "log", "-1", "--no-show-signature", "--format=%H").decode().strip()
        changed = _git(root, "status", "--porcelain", "--untracked-files=normal", "--", *CODE)
    except Untold as why:
        return {"commit": None, "why": str(why).replace(str(root), ".")}  # provenance is published
    return {"commit": commit, "dirty": bool(changed)}


def files(root: Path) -> list[Path]:
    """The files of the tree, relative to `root`: tracked and new ones that git does not ignore, without those deleted.

    Where git cannot list them, all but what this project makes on a machine; a line on standard error says so.
    """
    try:
        _must_be_tracked(root)
        listed = _git(root, "ls-files", "-coz", "--exclude-standard")
        paths = [Path(os.fsdecode(name)) for name in set(listed.split(b"\0")) - {b""}]
    except Untold as why:
        print(
            f"note: without git's list of files every file counts but data, caches and builds: {why}", file=sys.stderr
        )
        paths = list(_walk(root))
    return sorted(path for path in paths if (root / path).is_file())


def _must_be_tracked(root: Path) -> None:
    """Raises Untold where `root` merely lies inside some repository, whose commit says nothing of it."""
    if not _git(root, "ls-files", "-z"):
        raise Untold(f"git tracks no file in {root}")


def _git(root: Path, *words: str) -> bytes:
    """What a git command prints, run in `root` whatever the caller's folder; it writes nothing, the index neither."""
    variables = {name: value for name, value in os.environ.items() if name not in LOCATED}
    command = ["git", "--no-optional-locks", "-C", str(root), *words]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, env=variables | {"LC_ALL": "C"}, check=False
        )
    except OSError as error:
        raise Untold(f"git cannot be run ({error.strerror})") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").split()
        raise Untold(" ".join(said) or f"git {words[0]} ended with status {done.returncode}")
    return done.stdout


def _walk(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        here = Path(folder).relative_to(root)
        folders[:] = [name for name in folders if not _made_here(root, here / name)]
        yield from (here / name for name in names if not _made_here(root, here / name))


def _made_here(root: Path, path: Path) -> bool:
    """Whether it is made on this machine, be it a virtual environment of any name."""
    known = path.as_posix() in AT_TOP or any(path.match(pattern) for pattern in ANYWHERE)
    return known or (root / path / "pyvenv.cfg").is_file()
