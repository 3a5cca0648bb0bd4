"""Write pipelines/<task>/dvc.yaml with one stage per cell, from the names in the parameters.

The files repeat the names of methods and the values of ablations, because DVC would read params.yaml once per task for
them, whose size grows with the number of tasks too. After a new name or value, run `bench pipelines`; `bench keys`,
the first stage, refuses files that do not match. A cell's stage depends on its file in results/keys, which contains its
parameters: a block that is `like:` another one changes with it, which DVC cannot see in params.yaml.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path
from textwrap import indent
from typing import Any

from harness import registry
from harness.errors import BenchError
from harness.files import write_text
from harness.plan import needs
from harness.plan.controls import controls
from harness.plan.installed import installed_code
from harness.remembered import Remembered, digest
from harness.store import ARTEFACTS, CURVES, HEAD, PANELS, RECORDS, SCORES, SHEET, spell
from harness.yaml_text import dump

HEADER = """\
# Written by `bench pipelines`: the stages of the task {task}, one per cell.
stages:
  prepare:
    wdir: ../..
    cmd: bench prepare {quoted}
    deps: [results/keys/{task}/prepare.json{expert}]
    outs:
      - results/data/{task}.json: {{cache: false, persist: true}}
"""
WRITTEN = HEADER.partition(":")[0].encode()  # how every file begins

STAGE = """
  {stage}:
    foreach:
{names}
    do:
      wdir: ../..
      cmd: bench train {arguments}
      deps:
        - results/keys/{task}/{cell}.json
        - results/data/{task}.json
{reward}{outs}      plots:
{plots}
"""

ITEM = "${item}"  # DVC's word for one of the names of a stage

# What a cell leaves in its folder; provenance.json is in git only.
LEFT = {HEAD: "", SCORES: ", x: step, y: value", CURVES: ", x: step"}
# And what the task's family writes beside that: file and its axes.
EXTRAS = {"panels": (PANELS, ", x: x, y: y"), "sheet": (SHEET, "")}


def write_pipelines(root: Path, params: dict[str, Any]) -> list[Path]:
    """Write the file of every task, and then remove those of tasks that no longer exist, with DVC's lock beside them.

    Returns the files that changed. A dvc.yaml that this function did not write stays.
    """
    stale, gone = _stale(root, params), _gone(root, params)
    for path, text in stale.items():
        write_text(path, text)
    for path in gone:
        path.unlink()
        path.with_name("dvc.lock").unlink(missing_ok=True)
    return [*gone, *stale]


def must_match(root: Path, params: dict[str, Any]) -> None:
    """Raise BenchError if a file does not match the parameters, or is of a task that they do not have."""
    for path in [*_stale(root, params), *_gone(root, params)]:
        raise BenchError(f"{path} does not match params.yaml: run `bench pipelines`")


def _stale(root: Path, params: dict[str, Any]) -> dict[Path, str]:
    """Return the text that belongs into each file that is missing or has another."""
    texts = {_path(root, task): text for task, text in _texts(root, params).items()}
    return {path: text for path, text in texts.items() if not (path.is_file() and path.read_bytes() == text.encode())}


def _gone(root: Path, params: dict[str, Any]) -> list[Path]:
    """Return the files of tasks that no longer exist; their first words tell them from those of users."""
    kept = {_path(root, task) for task in params["tasks"]}
    files = sorted({*root.glob("pipelines/*/dvc.yaml")} - kept)
    return [path for path in files if path.is_file() and path.read_bytes().startswith(WRITTEN)]


def _texts(root: Path, params: dict[str, Any]) -> dict[str, str]:
    """Return the text of every task, as in `pipeline`.

    Some tasks import their algorithms for it, and with them torch, so the texts are remembered for the installed code.

    root: where they are remembered.
    """

    def made() -> dict[str, str]:
        return {task: pipeline(task, params) for task in params["tasks"]}

    if registry.packaged_algorithms():  # what these import of their own is not known here
        return made()
    with Remembered(root, "pipelines", most=8) as known:
        found: dict[str, str] = known.get(digest(installed_code(), repr(params).encode()), made)
    return found


def pipeline(task: str, params: dict[str, Any]) -> str:
    """Return the text of one file, from the whole of params.yaml.

    Outputs are `persist`, so that DVC does not delete them before a run. A record then exists until the new one is
    written, and after a run that was stopped.
    """
    block = params["tasks"][task]
    shown = needs.taught_by(block["demonstrations"]) if block.get("demonstrations") else ()
    expert = "".join(f", '{path}'" for path in shown)
    text = HEADER.format(task=task, quoted=shlex.quote(task), expert=expert)
    if params["methods"].get(task):
        text += _stage(params, task, "train", params["methods"][task], ITEM)
    if found := controls(params, task):
        text += _stage(params, task, "control", found[1], ITEM)
    for name, block in (params.get("ablations", {}).get(task) or {}).items():
        values = map(spell, block["values"])
        text += _stage(params, task, f"ablate-{name}", values, f"{block['method']}-{name}-{ITEM}")
    return text


def _stage(params: dict[str, Any], task: str, stage: str, names: Iterable[str], cell: str) -> str:
    """Return the text of a stage for each of `names`, by which DVC replaces ITEM in the name of its cell."""
    block = params["tasks"][task]
    writes = registry.writes(block["family"])
    files = LEFT | dict(EXTRAS[kind] for kind in EXTRAS if kind in writes)
    folder = f"{RECORDS}/{task}/{cell}"
    reward = f"        - {RECORDS}/{block['rewards']}/{cell}/{ARTEFACTS}\n" if block.get("rewards") else ""
    outs = (
        f"      outs:\n        - {folder}/{ARTEFACTS}: {{cache: false, persist: true}}\n"
        if "artefacts" in writes
        else ""
    )
    return STAGE.format(
        stage=stage,
        names=indent(dump([*names]), " " * 6).rstrip(),
        task=task,
        arguments=shlex.join((task, cell)),
        cell=cell,
        reward=reward,
        outs=outs,
        plots="\n".join(
            f"        - {folder}/{name}: {{cache: false, persist: true{axes}}}" for name, axes in files.items()
        ),
    )


def _path(root: Path, task: str) -> Path:
    return root / "pipelines" / task / "dvc.yaml"
