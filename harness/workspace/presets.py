"""Presets: small overlays in presets/ on params.yaml, each run in a private copy of the tree."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import time
from pathlib import Path
from typing import Any

from harness.errors import BenchError, unknown, unknown_key
from harness.plan.controls import with_controls
from harness.run.params import compose, read_yaml
from harness.store import archive_folder, check_names, checked_name
from harness.workspace.copies import alone, bench_in, dvc_in, private_copy
from harness.workspace.pack import unpack


def names(root: Path) -> list[str]:
    return sorted(path.stem for path in root.glob("presets/*.yaml"))


def compose_preset(root: Path, name: str, base: dict[str, Any] | None = None) -> dict[str, Any]:
    """params.yaml with presets/<name>.yaml laid over it; a key that lands nowhere is refused by name.

    A task that the overlay takes away (`digits8: null`) takes its methods, ablations and baseline along. `keep`, a list,
    takes away every task of params.yaml that it does not name. base: params.yaml, where it has been read already.
    """
    if checked_name("a preset", name) not in names(root):
        raise BenchError(unknown(f"preset {name}", name, names(root)))
    where = f"presets/{name}.yaml"
    base, overlay = base or read_yaml(root / "params.yaml"), read_yaml(root / where)
    for task in (keep := overlay.pop("keep", list(base["tasks"]))):
        if task not in base["tasks"]:
            raise BenchError(unknown_key(f"{where}: keep.{task}", task, base["tasks"]))
    overlay["tasks"] = {task: None for task in base["tasks"] if task not in keep} | (overlay.get("tasks") or {})
    for task, block in overlay["tasks"].items():
        if task not in base["tasks"] and "family" not in (block or {}):
            raise BenchError(unknown_key(f"{where}: tasks.{task}", task, base["tasks"]))
    made = compose(base, overlay, where) | {"preset": name}
    gone = base["tasks"].keys() - made["tasks"].keys()
    for key in ("methods", "ablations"):
        made[key] = {task: block for task, block in made.get(key, {}).items() if task not in gone}
    baselines = made["report"]["baseline"]
    made["report"] = made["report"] | {"baseline": {t: m for t, m in baselines.items() if t not in gone}}
    check_names(made, where)
    return made


def archived(root: Path) -> list[dict[str, Any]]:
    """The parameters of every preset that has records in results/archive."""
    base = read_yaml(root / "params.yaml")
    return [
        with_controls(compose_preset(root, name, base)) for name in names(root) if archive_folder(root, name).is_dir()
    ]


def waiting(root: Path) -> list[dict[str, str]]:
    """What the page tells of presets that have no records in results/archive: name, its first sentence about itself, its tasks
    and their rows, and the command that runs it; those meant for a GPU by `bench gpu`."""
    base, found = read_yaml(root / "params.yaml"), []
    for name in names(root):
        if name == "smoke" or archive_folder(root, name).is_dir():
            continue
        params = compose_preset(root, name, base)
        rows = "; ".join(f"{task}: {', '.join(methods)}" for task, methods in params["methods"].items() if methods)
        text = (root / f"presets/{name}.yaml").read_text(encoding="utf-8")
        head = itertools.takewhile(lambda line: line.startswith("#"), text.splitlines())
        said = " ".join(line.lstrip("# ") for line in head)
        what = re.split(r"(?<=\.) (?=[A-Z`])", said)[0]
        command = f"bench gpu --preset {name}" if "GPU" in said else f"bench preset {name} --jobs 2"
        found.append({"preset": name, "what": what, "rows": rows, "command": command})
    return found


def run_preset(
    root: Path, name: str, dvc_args: list[str], jobs: int | None = None, timeout: float | None = None
) -> Path:
    """Run the preset in build/<name>/ and return its report's path: `dvc repro`, or without DVC and `jobs` at once.

    A second run goes on where the first was stopped; while the first is at it, BenchError says so. timeout: as of
    `bench train`, which only runs with `jobs`.
    """
    if timeout is not None and jobs is None:
        raise BenchError("--timeout is for blocks that run without DVC: give --jobs too")
    params = compose_preset(root, name)
    with alone(root, name):
        copy = private_copy(root, name, params)
        if jobs is None:
            bench_in(copy, "check")
            dvc_in(copy, "repro", *dvc_args)
        else:
            unpack(root, name, copy)
            _directly(copy, jobs, timeout)
    return copy / "reports" / name / "index.html"


def _directly(copy: Path, jobs: int, timeout: float | None = None) -> None:
    """All cells of a copy, then its report."""
    train = ["train", "--jobs", str(jobs), *(["--timeout", str(timeout)] if timeout is not None else [])]
    for command in (["check"], ["prepare"], train, ["evaluate"], ["report"]):
        bench_in(copy, *command)


def smoke(root: Path) -> Path:
    """Every cell of the smoke preset from nothing, without DVC, then DVC's own graph on the first cell.

    Raises BenchError where a step fails, or where DVC finds or leaves other records than were made.
    """
    started = time.monotonic()
    params = compose_preset(root, "smoke")
    with alone(root, "smoke"):
        shutil.rmtree(root / "build/smoke", ignore_errors=True)
        copy = private_copy(root, "smoke", params)
        _directly(copy, os.cpu_count() or 1)
        task = next(iter(params["tasks"]))
        _prove_the_graph(copy, task, next(iter(params["methods"][task])))
    print(f"smoke: everything ran, {time.monotonic() - started:.0f} s")
    return copy / "reports/smoke/index.html"


def _prove_the_graph(copy: Path, task: str, cell: str) -> None:
    """DVC's stages up to one cell make the same record as the direct run, and are then up to date."""
    stage, record = f"pipelines/{task}/dvc.yaml:train@{cell}", copy / f"results/records/{task}/{cell}/record.json"
    before = record.read_bytes()
    dvc_in(copy, "repro", "--quiet", stage)
    dvc_in(copy, "status", "--quiet", stage)
    if before != record.read_bytes():
        raise BenchError(f"{stage}: DVC's record differs from the one made without it; see {copy}")
