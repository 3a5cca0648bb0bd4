"""Read runs made elsewhere: a CSV of scores and a manifest that says what was measured.

They are compared with ours, but never paired. `results/external/<name>/scores.csv` has the columns of a record's scores
(task, method, seed, step, metric, value). `manifest.yaml` beside it says where they come from and, for each task, the
data and the manifest of each metric, in the terms of our records.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from harness.errors import BenchError
from harness.report.records.foreign import read_scores
from harness.report.records.frame import TaskFrame
from harness.yaml_text import load as load_yaml

FOLDER = Path("results/external")
SCORES, MANIFEST = "scores.csv", "manifest.yaml"
KEYS, OPTIONAL = {"source", "tasks"}, {"preset"}


@dataclass(frozen=True)
class External:
    """The runs of one import; as in a record, the scores of the last step are the endpoint."""

    name: str
    source: str
    preset: str  # the preset whose records they are compared with; '' for the live ones
    tasks: dict[str, dict[str, Any]]  # task -> {data_hash, metrics: {metric: manifest}}
    scores: pd.DataFrame
    folder: Path


def load_external(root: Path) -> tuple[list[External], dict[str, str]]:
    """Return the valid imports under `root`, and the reason for each refused one by its name.

    This checks each import by itself; `check` compares one with a task.
    """
    found, refused = [], {}
    for path in sorted((root / FOLDER).glob("*")):
        if path.is_dir():
            try:
                found.append(read(path, path.name))
            except BenchError as error:
                refused[path.name] = str(error)
    return found, refused


def read(folder: Path, name: str, scores: Path | None = None, manifest: Path | None = None) -> External:
    """Read one import. Raises BenchError that names the file and the fault.

    folder: the folder of the import.
    name: the name of the import.
    scores: the file of scores; default: scores.csv in the folder.
    manifest: the manifest; default: manifest.yaml in the folder.
    """
    scores, manifest = scores or folder / SCORES, manifest or folder / MANIFEST
    said = _manifest(manifest)
    table = read_scores(scores)
    for task in table.task.unique():
        if task not in said["tasks"]:
            raise BenchError(f"{manifest}: tasks.{task} is missing, but {scores.name} has scores of that task")
        for metric in table[table.task == task].metric.unique():
            if metric not in said["tasks"][task]["metrics"]:
                raise BenchError(
                    f"{manifest}: tasks.{task}.metrics.{metric} is missing, but {scores.name} has scores of that metric"
                )
    return External(name, str(said["source"]), said.get("preset") or "", said["tasks"], table, folder)


def check(found: External, frame: TaskFrame) -> None:
    """Raise BenchError if the scores of an import on this task do not measure the same quantity as our records."""
    said, ran = found.tasks[frame.name], [cell for cell in frame.everything if cell.record]
    where = f"external runs {found.name}, task {frame.name}"
    if not ran:
        raise BenchError(f"{where}: there are no records of ours to compare them with; run `{frame.command}`")
    data = ran[0].head["data_hash"]
    if said.get("data_hash") != data:
        raise BenchError(
            f"{where}: data_hash must be that of our records, {data}, got {said.get('data_hash')}; scores on other "
            "data are not comparable"
        )
    scored = set(found.scores[found.scores.task == frame.name].metric)
    if frame.headline is not None and frame.headline not in scored:
        raise BenchError(f"{where}: there are no scores of {frame.headline}, by which the task is judged; add them")
    for metric, manifest in said["metrics"].items():
        if metric not in frame.metrics:
            raise BenchError(f"{where}: the task has no metric {metric}; it has {', '.join(frame.metrics)}")
        ours = frame.manifests.get(frame.metrics[metric].get("manifest") or "", {})
        theirs = manifest or {}
        for key in dict.fromkeys([*ours, *theirs]):
            if str(ours.get(key)) != str(theirs.get(key)):
                raise BenchError(
                    f"{where}: {metric} was measured with {key} {theirs.get(key)}, but ours with {ours.get(key)}, so "
                    "they are not the same quantity"
                )


def skeleton(frame: TaskFrame, preset: str = "") -> dict[str, Any]:
    """Return a manifest to fill in for runs on this task; it holds only if they were measured in the same way.

    preset: the archived preset whose records they are compared with; '' for the live ones.
    """
    ran = next((cell for cell in frame.everything if cell.record), None)
    if ran is None:
        raise BenchError(f"task {frame.name}: nothing has run yet; run `{frame.command}`")
    metrics = {
        name: dict(frame.manifests.get(block.get("manifest") or "", {})) for name, block in frame.metrics.items()
    }
    return ({"preset": preset} if preset else {}) | {
        "source": "who made these runs and how: project, version, command",
        "tasks": {frame.name: {"data_hash": ran.head["data_hash"], "metrics": metrics}},
    }


def _manifest(path: Path) -> dict[str, Any]:
    try:
        said = load_yaml(path)
    except FileNotFoundError:
        raise BenchError(f"{path} is missing: `bench import --skeleton TASK` prints one to fill in") from None
    if not isinstance(said, dict) or not KEYS <= set(said) <= KEYS | OPTIONAL or not isinstance(said["tasks"], dict):
        raise BenchError(
            f"{path}: the keys are source, tasks and, for records of an archived preset, preset; `bench import "
            "--skeleton TASK` prints an example"
        )
    for task, block in said["tasks"].items():
        if not isinstance(block, dict) or not isinstance(block.get("metrics"), dict):
            raise BenchError(
                f"{path}: tasks.{task} needs data_hash and metrics, a block for each; `bench import --skeleton TASK` "
                "prints an example"
            )
        for metric, manifest in block["metrics"].items():
            if not isinstance(manifest, dict | None):
                raise BenchError(
                    f"{path}: tasks.{task}.metrics.{metric} = {manifest}: must be a block that says how it was "
                    "measured; `bench import --skeleton TASK` prints an example"
                )
    if not isinstance(said.get("preset"), str | None):
        raise BenchError(f"{path}: preset = {said['preset']}: must be the name of an archived preset")
    return said
