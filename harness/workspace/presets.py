"""Presets: small overlays in presets/ on params.yaml, each run in a private copy of the tree."""

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
from harness.plan.params import whole
from harness.plan.plan import Plan, plan_of
from harness.run.like import LIKE, compose, resolved
from harness.run.params import read_yaml
from harness.store import check_names, checked_name, remake
from harness.workspace.copies import alone, base_params, bench_in, dvc_in, private_copy, train_command


def names(root: Path) -> list[str]:
    return sorted(path.stem for path in root.glob("presets/*.yaml"))


def compose_preset(root: Path, name: str, base: dict[str, Any] | None = None) -> dict[str, Any]:
    """params.yaml with presets/<name>.yaml laid over it; a key that lands nowhere is refused by name.

    A task that the overlay takes away (`digits8: null`) takes its methods, ablations and baseline along. `keep`, a
    list, takes away every task of params.yaml that it does not name; its blocks may be `like:` them all the same.
    `gpu: true` says that it is meant for a GPU. base: the project's own parameters (`base_params`) as they are written,
    where they have been read already.
    """
    if checked_name("a preset", name) not in names(root):
        raise BenchError(unknown(f"preset {name}", name, names(root)))
    where = f"presets/{name}.yaml"
    base, overlay = base or read_yaml(base_params(root)), read_yaml(root / where)
    overlay.pop("gpu", None)
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
    made = resolved(compose(base, overlay, where), where) | {"preset": name}
    for task, block in rows.items():  # taken away once all is resolved: what stays may be `like:` what goes
        made["methods"][task] = {
            method: said for method, said in made["methods"][task].items() if block.get(method, said) is not None
        }
    gone = (base["tasks"].keys() - {*keep, *overlay["tasks"]}) | (tasks.keys() - overlay["tasks"].keys())
    for key in ("tasks", "methods", "ablations"):
        made[key] = {task: block for task, block in made.get(key, {}).items() if task not in gone}
    baselines = made["report"]["baseline"]
    made["report"] = made["report"] | {"baseline": {t: m for t, m in baselines.items() if t not in gone}}
    check_names(made, where)
    return made


def preset_plan(root: Path, name: str) -> Plan:
    """The plan of a preset, checked whole. Raises BenchError with a line for each wrong block, which names its file."""
    return plan_of(compose_preset(root, name), f"presets/{name}.yaml")


@dataclass(frozen=True)
class Others:
    """The presets that a page tells of beside its own.

    archived: the parameters of those with records in results/archive. waiting: of those without, the name, their first
    sentence about themselves, their tasks with their rows, and the command that runs them. refused: name -> why there
    is nothing to show of it.
    """

    archived: list[dict[str, Any]]
    waiting: list[dict[str, str]]
    refused: dict[str, str]


def others(root: Path, own: str) -> Others:
    """Every preset but `own`, the page's; of `smoke`, whose scores mean nothing, only records.

    A preset that cannot be composed is refused with its reason, as is an archive that no preset explains.
    """
    base, found = read_yaml(base_params(root)), Others([], [], {})
    kept = {path.parts[-4] for path in root.glob("results/archive/*/*/*/record.json")}
    for name in sorted({*names(root), *kept} - {own} - ({"smoke"} - kept)):
        try:
            params = compose_preset(root, name, base)
            if name in kept:
                found.archived.append(whole(root, params, f"presets/{name}.yaml"))
            else:
                found.waiting.append(_told(root, name, params))
        except Exception as error:  # whatever is wrong with one preset, the pages of the others are made
            found.refused[name] = reason(error)
    return found


def _told(root: Path, name: str, params: dict[str, Any]) -> dict[str, str]:
    rows = "; ".join(f"{task}: {', '.join(methods)}" for task, methods in params["methods"].items() if methods)
    lines = (root / f"presets/{name}.yaml").read_text(encoding="utf-8").splitlines()
    said = " ".join(line.lstrip("# ") for line in itertools.takewhile(lambda line: line.startswith("#"), lines))
    what = re.split(r"(?<=\.) (?=[A-Z`])", said)[0]
    on_gpu = read_yaml(root / f"presets/{name}.yaml").get("gpu")
    command = f"bench gpu --preset {name}" if on_gpu else remake(name)
    return {"preset": name, "what": what, "rows": rows, "command": command}


def run_preset(
    root: Path,
    name: str,
    dvc_args: list[str],
    jobs: int | None = None,
    timeout: int | None = None,
    more: int | None = None,
    only: Sequence[str] = (),
    across_code: bool = False,
) -> Path:
    """Run the preset in build/<name>/ and return its report's path: `dvc repro`, or without DVC and `jobs` at once.

    A second run goes on where the first was stopped; while the first is at it, BenchError says so. timeout: as of
    `bench train`, which only runs with `jobs`. more: train so many seeds beyond those that the preset names, joined to
    the records that it has, archived ones among them; only: of these TASK/CELL alone; across_code: as of `train_more`.
    """
    if timeout is not None and jobs is None:
        raise BenchError("--timeout is for blocks that run without DVC: give --jobs too")
    if (only or across_code) and more is None:
        raise BenchError("--only and --across-code are for further seeds: give --more-seeds too")
    if more is not None and dvc_args:
        raise BenchError("further seeds are trained without DVC: take the arguments after -- away")
    plan = preset_plan(root, name)
    params = plan.params
    for cell in only:
        task, _, own = cell.partition("/")
        plan.cell(task, own)
    from harness.workspace.pack import unpack  # which takes torch

    with alone(root, name):
        copy = private_copy(root, name, params)
        if more is not None:
            unpack(root, name, copy)
            words = ["train", *only, "--more-seeds", str(more), *["--across-code"] * across_code]
            _directly(copy, [*words, *train_command(jobs or 1, timeout)[1:]])
        elif jobs is None:
            bench_in(copy, "check")
            dvc_in(copy, "repro", *dvc_args)
        else:
            unpack(root, name, copy)
            _directly(copy, train_command(jobs, timeout))
    return copy / "reports" / name / "index.html"


def _directly(copy: Path, train: list[str]) -> None:
    """The cells of a copy by the command `train`, then its report."""
    for command in (["check"], ["prepare"], train, ["evaluate"], ["report"]):
        bench_in(copy, *command)


def smoke(root: Path, timeout: int | None = None) -> Path:
    """Every cell of the smoke preset from nothing, without DVC, then DVC's own graph on the first cell.

    timeout: as of `bench train`. Raises BenchError where a step fails, or where DVC finds or leaves other records than
    were made.
    """
    started = time.monotonic()
    params = compose_preset(root, "smoke")
    with alone(root, "smoke"):
        shutil.rmtree(root / "build/smoke", ignore_errors=True)
        copy = private_copy(root, "smoke", params)
        _directly(copy, train_command(os.cpu_count() or 1, timeout))
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
