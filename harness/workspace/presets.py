"""Presets: small overlays in presets/ for params.yaml, each of which runs in a private copy of the tree."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import BenchError, reason, unknown, unknown_key
from harness.places.cluster.on import STOP_SECONDS, On
from harness.plan.params import read_blocks, whole
from harness.plan.plan import Plan, plan_of
from harness.run.lifeline import GRACE
from harness.run.like import LIKE, compose, resolve
from harness.store import check_names, checked_name, preset_command
from harness.workspace.copies import base_params, bench_in, dvc_in, lock_copy, private_copy, train_command


def names(root: Path) -> list[str]:
    return sorted(path.stem for path in root.glob("presets/*.yaml"))


def compose_preset(root: Path, name: str, base: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return params.yaml with presets/<name>.yaml merged over it; a key that matches nothing is an error.

    A task that the overlay removes (`digits8: null`) takes its methods, ablations and baseline with it. The list `keep`
    removes every task of params.yaml that it does not name; their blocks can still be used by `like:`. `gpu: true` says
    that the preset is meant for a GPU, and `resources` what a block of a task needs of a machine.

    base: the project's own parameters (`base_params`) as they are written, if they have been read already.
    """
    if checked_name("a preset", name) not in names(root):
        raise BenchError(unknown(f"preset {name}", name, names(root)))
    where = f"presets/{name}.yaml"
    base, overlay = base or read_blocks(root, base_params(root)), read_blocks(root, root / where)
    overlay.pop("gpu", None)
    resources = overlay.pop("resources", {})
    _check_shape(overlay, where)
    for task in (keep := overlay.pop("keep", list(base["tasks"]))):
        if task not in base["tasks"]:
            raise BenchError(unknown_key(f"{where}: keep.{task}", task, base["tasks"]))
    tasks = overlay.get("tasks") or {}
    for task, block in tasks.items():
        if task not in base["tasks"] and not {"family", LIKE} & (block or {}).keys():
            raise BenchError(unknown_key(f"{where}: tasks.{task}", task, base["tasks"]))
    overlay["tasks"] = {task: block for task, block in tasks.items() if block is not None}
    rows = {task: block or {} for task, block in (overlay.get("methods") or {}).items()}
    overlay["methods"] = {
        task: {method: said for method, said in block.items() if said is not None} for task, block in rows.items()
    }
    made = resolve(compose(base, overlay, where), where) | {"preset": name}
    for task, block in rows.items():  # taken away once all is resolved: what stays may be `like:` what goes
        made["methods"][task] = {
            method: said for method, said in made["methods"][task].items() if block.get(method, said) is not None
        }
    gone = (base["tasks"].keys() - {*keep, *overlay["tasks"]}) | (tasks.keys() - overlay["tasks"].keys())
    for key in ("tasks", "methods", "ablations"):
        made[key] = {task: block for task, block in made.get(key, {}).items() if task not in gone}
    for key in made["report"].keys() & {"baseline", "floors"}:
        said = {task: named for task, named in made["report"][key].items() if task not in gone}
        made["report"] = made["report"] | {key: said}
    kept = {task: block for task, block in base.get("resources", {}).items() if task not in gone}
    if resources := kept | resources:
        made["resources"] = resources
    check_names(made, where)
    return made


def _check_shape(overlay: dict[str, Any], where: str) -> None:
    """Raise BenchError for a `keep` that is no list of names, and for a part of the overlay that is no block."""
    if not isinstance(overlay.get("keep", []), list):
        raise BenchError(f"{where}: keep = {overlay['keep']}: must be a list of tasks, such as [digits8]")
    for task in overlay.get("keep", []):
        if not isinstance(task, str):
            raise BenchError(f"{where}: keep has {task!r}: must be a list of tasks, such as [digits8]")
    if "report" in overlay and overlay["report"] is None:
        raise BenchError(f"{where}: report is empty: omit the key, or write there what differs from params.yaml")
    parts = {key: overlay.get(key) for key in ("tasks", "methods", "ablations", "report")}
    inner = {
        f"{key}.{name}": said for key in parts if isinstance(parts[key], dict) for name, said in parts[key].items()
    }
    for key, said in (parts | inner).items():
        if not isinstance(said, dict | None):
            raise BenchError(f"{where}: {key} = {said}: must be a block of keys, indented below its name")


def preset_plan(root: Path, name: str) -> Plan:
    """Return the validated plan of a preset. Raises BenchError with a line for each invalid block, which names its
    file.
    """
    return plan_of(compose_preset(root, name), f"presets/{name}.yaml")


@dataclass(frozen=True)
class OtherPresets:
    """The presets that a page mentions in addition to its own.

    archived: the parameters of presets with records in results/archive.
    waiting: presets without records: the name, the first sentence of the description, tasks with rows, and the command
        to run.
    refused: maps a name to the reason why nothing can be shown.
    """

    archived: list[dict[str, Any]]
    waiting: list[dict[str, str]]
    refused: dict[str, str]


def other_presets(root: Path, own: str) -> OtherPresets:
    """Return every preset except `own`, the page's; `smoke`, whose scores are meaningless, counts only with records.

    A preset that cannot be composed is listed with its reason, and so is an archive that has no preset.
    """
    base, found = read_blocks(root, base_params(root)), OtherPresets([], [], {})
    kept = {path.parts[-4] for path in root.glob("results/archive/*/*/*/record.json")}
    for name in sorted({*names(root), *kept} - {own} - ({"smoke"} - kept)):
        try:
            params = compose_preset(root, name, base)
            if name in kept:
                found.archived.append(whole(root, params, f"presets/{name}.yaml"))
            else:
                found.waiting.append(_describe(root, name, params))
        except Exception as error:  # whatever is wrong with one preset, the pages of the others are made
            found.refused[name] = reason(error)
    return found


def _describe(root: Path, name: str, params: dict[str, Any]) -> dict[str, str]:
    alike: dict[str, list[str]] = {}  # the methods -> the tasks that have them
    for task, methods in params["methods"].items():
        if methods:
            alike.setdefault(", ".join(methods), []).append(task)
    rows = "; ".join(f"{', '.join(tasks)}: {methods}" for methods, tasks in alike.items())
    lines = (root / f"presets/{name}.yaml").read_text(encoding="utf-8").splitlines()
    said = " ".join(line.lstrip("# ") for line in itertools.takewhile(lambda line: line.startswith("#"), lines))
    what = re.split(r"(?<=\.) (?=[A-Z`])", said)[0]
    on_gpu = read_blocks(root, root / f"presets/{name}.yaml").get("gpu")
    command = f"bench gpu --preset {name}" if on_gpu else preset_command(name)
    return {"preset": name, "what": what, "rows": rows, "command": command}


def run_preset(
    root: Path,
    name: str,
    dvc_args: list[str],
    jobs: int | None = None,
    timeout: int | None = None,
    on: On | None = None,
    more: int | None = None,
    only: Sequence[str] = (),
    across_code: bool = False,
) -> Path:
    """Run the preset in build/<name>/ and return the path of its report, or of the copy if that has no report yet.

    It runs by `dvc repro`, or without DVC with `jobs` at the same time or on a cluster. Another run continues where the
    last one stopped. Raises BenchError while another run is active, and before the copy is changed if the cluster is
    unsuitable.

    timeout: as in `bench train`, only without DVC.
    more: the number of further seeds to train, which are joined to the existing records, including archived ones.
    only: the TASK/CELL to which that is restricted.
    across_code: as in `train_more`.
    """
    if timeout is not None and jobs is None and on is None:
        raise BenchError("--timeout only works without DVC: use it with --jobs or --on")
    if (only or across_code) and more is None:
        raise BenchError("--only and --across-code are for further seeds: give --more-seeds too")
    if more is not None and on is not None:
        raise BenchError("further seeds are joined to their record on this machine: give --jobs in place of --on")
    if more is not None and dvc_args:
        raise BenchError("further seeds are trained without DVC: take the arguments after -- away")
    plan = preset_plan(root, name)
    for cell in only:
        task, _, own = cell.partition("/")
        plan.cell(task, own)
    with lock_copy(root, name):
        if on is not None:
            from harness.places.cluster.train import refused

            refused(on, plan)
        copy = private_copy(root, name, plan.params)
        if more is None and jobs is None and on is None:
            bench_in(copy, "check")
            dvc_in(copy, "repro", *dvc_args)
        else:
            from harness.workspace.pack import unpack  # which takes torch

            unpack(root, name, copy)
            train = train_command(jobs or (None if on else 1), timeout, on)
            if more is not None:
                train[1:1] = [*only, "--more-seeds", str(more), *["--across-code"] * across_code]
            _run_directly(copy, train, STOP_SECONDS if on else 0.0)
    page = copy / "reports" / name / "index.html"
    return page if page.is_file() else copy  # stages that are named after `--` may end before the report


def _run_directly(copy: Path, train: list[str], more_grace: float = 0.0) -> None:
    """Train the cells of a copy by the command `train`, then write its report.

    more_grace: the seconds beyond `GRACE` in which a command must end after it is told to stop.
    """
    for command in (["check"], ["prepare"], train, ["evaluate"], ["report"]):
        bench_in(copy, *command, grace=GRACE + more_grace)


def smoke(root: Path, timeout: int | None = None) -> Path:
    """Run every cell of the smoke preset from nothing, without DVC, then DVC's own graph for the first cell.

    Raises BenchError if a step fails, or if DVC's records differ from those made without it.

    timeout: as in `bench train`.
    """
    started = time.monotonic()
    params = compose_preset(root, "smoke")
    with lock_copy(root, "smoke"):
        shutil.rmtree(root / "build/smoke", ignore_errors=True)
        copy = private_copy(root, "smoke", params)
        _run_directly(copy, train_command(os.cpu_count() or 1, timeout))
        task = next(iter(params["tasks"]))
        _prove_the_graph(copy, task, next(iter(params["methods"][task])))
    print(f"smoke: everything ran in {time.monotonic() - started:.0f} s")
    return copy / "reports/smoke/index.html"


def _prove_the_graph(copy: Path, task: str, cell: str) -> None:
    """Check that DVC's stages up to one cell make the same record as the direct run and are then up to date."""
    stage, record = f"pipelines/{task}/dvc.yaml:train@{cell}", copy / f"results/records/{task}/{cell}/record.json"
    before = record.read_bytes()
    dvc_in(copy, "repro", "--quiet", stage)
    dvc_in(copy, "status", "--quiet", stage)
    if before != record.read_bytes():
        raise BenchError(f"{stage}: DVC's record differs from the one made without it; see {copy}")
