"""A private copy of the tree under build/ in which a preset runs, so that the tree and dvc.lock do not change.

The copy includes new and changed files, runs its own code, and has its own scratch folder.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

from harness.errors import BenchError
from harness.files import write_text
from harness.places.cluster.on import On
from harness.plan import needs
from harness.plan.origin import COPIED, REMEMBERED, files, origin
from harness.plan.pipelines import write_pipelines
from harness.run.lifeline import GRACE, owner_variables
from harness.store import SEAL
from harness.yaml_text import dump

BASE = "presets/base"  # in the copy: the tree's params.yaml, which presets lie over; DVC's report depends on presets/
ENCODERS = "results/data/*.npz"  # kept, so that a score is the same quantity in tree and copy
KEPT = (
    "published.csv",
    "claims.yaml",
    "coverage.csv",
    "README.md",
)  # of results/; the last one stands for empty folders
LINKED = "data"  # image sets of any size, named in params.yaml by a path below it


def base_params(root: Path) -> Path:
    """Return the path of the parameters that presets are merged over: the project's own, even in a private copy."""
    return root / BASE if (root / BASE).is_file() else root / "params.yaml"


def private_copy(root: Path, name: str, params: dict[str, Any]) -> Path:
    """Bring build/<name> up to date with the tree, with `params` as its params.yaml, and return its path.

    The tree's own params.yaml is kept beside them, see `base_params`. Records, summaries and reports are not copied,
    because the copy makes its own. Of the archive it gets the experts that its tasks need, and data/ is linked. Raises
    BenchError if root is itself such a copy.
    """
    if (root / COPIED).is_file():
        raise BenchError(
            f"{root} is a private copy, which cannot be copied again: run this in the project's own folder"
        )
    copy = root / "build" / name
    shown = {
        path
        for block in params["tasks"].values()
        if needs.is_archived(block.get("demonstrations"))
        for path in (*needs.taught_by(block["demonstrations"]), needs.place(block["demonstrations"]).with_name(SEAL))
    }
    wanted = [path for path in files(root) if _wanted(path) or path in shown]
    for gone in _copied_before(copy) - {str(path) for path in wanted}:
        (copy / gone).unlink(missing_ok=True)
    for path in wanted:
        _copy(root / path, copy / path)
    if (root / LINKED).is_dir() and not (copy / LINKED).exists():
        (copy / LINKED).symlink_to(root / LINKED)
    (copy / COPIED).write_bytes(os.fsencode("\n".join(map(str, wanted))))
    (copy / REMEMBERED).write_text(json.dumps(origin(root)) + "\n", encoding="utf-8")
    (copy / ".dvc/config.local").write_text("[core]\n    no_scm = true\n", encoding="utf-8")
    _copy(root / "params.yaml", copy / BASE)
    write_text(copy / "params.yaml", dump(params))
    write_pipelines(copy, params)
    return copy


def lock_copy(root: Path, name: str) -> AbstractContextManager[None]:
    """Hold build/<name>: a second process that would work there raises BenchError."""
    from harness.run.checkpoint import lock_folder  # which takes torch

    return lock_folder(root / "build" / ".locks" / name)


def train_command(jobs: int | None, timeout: int | None, on: On | None = None) -> list[str]:
    """Return the arguments for `bench_in` that train every cell, with `jobs` at the same time or on a cluster."""
    where = on.words() if on else ["--jobs", str(jobs)]
    return ["train", *where, *(["--timeout", str(timeout)] if timeout is not None else [])]


def bench_in(copy: Path, *command: str, grace: float = GRACE) -> None:
    """Run `bench ...` with the copy's own code. Raises BenchError if it fails, after it has printed the reason.

    grace: the seconds in which it must end after it is told to stop.
    """
    _run(copy, [sys.executable, "-m", "harness", *command], "bench " + " ".join(command), grace)


def dvc_in(copy: Path, *command: str) -> None:
    """Run `dvc ...` as `bench_in` runs `bench ...`."""
    _run(copy, [sys.executable, "-m", "harness.run.lifeline", "dvc", *command], "dvc " + " ".join(command))


def _run(copy: Path, command: list[str], shown: str, grace: float = GRACE) -> None:
    # DVC's stages find `bench` beside this Python, and it finds the copy's packages before the installed ones.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(copy)} | owner_variables()
    with subprocess.Popen(command, cwd=copy, env=environment) as child:
        try:
            code = child.wait()
        except BaseException:
            child.terminate()  # it stops at a checkpoint, and its own workers with it
            with suppress(subprocess.TimeoutExpired):
                child.wait(grace)
            child.kill()
            raise
    if code:
        raise BenchError(f"`{shown}` in {copy} ended with status {code}; its own message is above")


def _wanted(path: Path) -> bool:
    if path.parts[0] == "results":
        return path.name in KEPT or path.match(ENCODERS)
    return path.parts[0] not in ("pipelines", "reports", LINKED) and path.name not in ("dvc.lock", "params.yaml")


def _copied_before(copy: Path) -> set[str]:
    names = (copy / COPIED).read_bytes() if (copy / COPIED).is_file() else b""
    return set(os.fsdecode(names).split("\n")) - {""}


def _copy(source: Path, target: Path) -> None:
    old, new = target.stat() if target.exists() else None, source.stat()
    if old is None or (old.st_size, old.st_mtime_ns) != (new.st_size, new.st_mtime_ns):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
