"""Import runs that were made elsewhere into `results/external/`, after the same checks that the report makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.errors import BenchError
from harness.files import write_folder
from harness.plan.controls import with_controls
from harness.report.records import external
from harness.report.records.frame import TaskFrame, demand, load
from harness.store import checked_name
from harness.workspace.presets import compose_preset
from harness.yaml_text import dump


def import_runs(root: Path, params: dict[str, Any], scores: Path, manifest: Path, name: str) -> Path:
    """Copy both files to results/external/<name>/. Raises BenchError, without copying, if they do not fit."""
    target = root / external.FOLDER / checked_name("--name: an import", name)
    if target.exists():
        raise BenchError(f"{target} already exists; remove it first or choose another --name")
    for path in (scores, manifest):
        if path.exists() and not path.is_file():  # a device or a pipe may have no end
            raise BenchError(f"{path} is not a regular file, so name another one")
    found = external.read(target, name, scores, manifest)
    frames = _frames(root, params, found.preset)
    for task in found.tasks:
        if task not in frames:
            raise BenchError(f"{manifest}: tasks.{task} is unknown; known: {', '.join(frames)}")
        demand([frames[task]])
        external.check(found, frames[task])
    files = {external.SCORES: scores.read_bytes(), external.MANIFEST: manifest.read_bytes()}
    write_folder(target, files, room=root / "results")  # where no reader of imports looks
    return target


def skeleton(root: Path, params: dict[str, Any], task: str, preset: str = "") -> str:
    """Return a manifest for runs on this task, as YAML. Raises BenchError for an unknown task.

    preset: the archived preset that has the task.
    """
    frames = _frames(root, params, preset)
    if task not in frames:
        where = "that preset" if preset else "the live records; --preset NAME searches the archived ones"
        raise BenchError(f"task {task} is unknown; known: {', '.join(frames)}, of {where}")
    return dump(external.skeleton(frames[task], preset))


def _frames(root: Path, params: dict[str, Any], preset: str) -> dict[str, TaskFrame]:
    """Return the records of the project itself, or those of an archived preset."""
    return load(root, with_controls(compose_preset(root, preset)), other=True) if preset else load(root, params)
