"""Runs made elsewhere: a CSV of scores and a manifest that says what was measured. They stand beside ours, never paired with them.

`results/external/<name>/scores.csv` has the columns of a record's scores (task, method, seed, step, metric, value) and
`manifest.yaml` beside it says where they come from and, per task, the data and each metric's manifest, in the words of our records.
"""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.errors import BenchError
from harness.report.records.frame import SCORE_COLUMNS, TaskFrame
from harness.report.stats import statistics as st
from harness.report.tables.words import NONE, Table, Text, aimed, decimals, interval, number

FOLDER = Path("results/external")
SCORES, MANIFEST = "scores.csv", "manifest.yaml"
KEYS, OPTIONAL = {"source", "tasks"}, {"preset"}


@dataclass(frozen=True)
class External:
    """The runs of one import; scores as in a record, those of the last step being the endpoint."""

    name: str
    source: str
    preset: str  # whose records they stand beside; '' for the live ones
    tasks: dict[str, dict[str, Any]]  # task -> {data_hash, metrics: {metric: manifest}}
    scores: pd.DataFrame
    folder: Path


def load(root: Path) -> list[External]:
    """Every import under `root`, checked by itself; `check` holds it against a task."""
    return [read(path, path.name) for path in sorted((root / FOLDER).glob("*")) if path.is_dir()]


def read(folder: Path, name: str, scores: Path | None = None, manifest: Path | None = None) -> External:
    """One import, from its folder or from two files. Raises BenchError that names file and fault."""
    scores, manifest = scores or folder / SCORES, manifest or folder / MANIFEST
    said = _manifest(manifest)
    table = _scores(scores)
    for task in table.task.unique():
        if task not in said["tasks"]:
            raise BenchError(f"{manifest}: tasks.{task} is missing, {scores.name} has scores of it")
        for metric in table[table.task == task].metric.unique():
            if metric not in said["tasks"][task]["metrics"]:
                raise BenchError(
                    f"{manifest}: tasks.{task}.metrics.{metric} is missing, {scores.name} has scores of it"
                )
    return External(name, str(said["source"]), said.get("preset") or "", said["tasks"], table, folder)


def check(found: External, frame: TaskFrame) -> None:
    """Raises BenchError where its scores on this task are not the quantity of our records."""
    said, ran = found.tasks[frame.name], [cell for cell in frame.everything if cell.record]
    where = f"external runs {found.name}, task {frame.name}"
    if not ran:
        raise BenchError(f"{where}: nothing of ours has run to hold them against; run `{frame.command}`")
    data = ran[0].record["data_hash"]
    if said.get("data_hash") != data:
        raise BenchError(
            f"{where}: data_hash {said.get('data_hash')} is not {data} of our records; scores on other data do not stand beside them"
        )
    for metric, manifest in said["metrics"].items():
        if metric not in frame.metrics:
            raise BenchError(f"{where}: metric {metric} is unknown there; known: {', '.join(frame.metrics)}")
        ours = frame.manifests.get(frame.metrics[metric].get("manifest"), {})
        theirs = manifest or {}
        for key in dict.fromkeys([*ours, *theirs]):
            if str(ours.get(key)) != str(theirs.get(key)):
                raise BenchError(
                    f"{where}: {metric} was measured with {key} {theirs.get(key)}, ours with {ours.get(key)}: not the same quantity"
                )


def skeleton(frame: TaskFrame, preset: str = "") -> dict[str, Any]:
    """The manifest that runs on this task need, to be filled in: true only if they were measured like that.

    preset: the archived one whose records they stand beside; '' for the live ones.
    """
    ran = next((cell for cell in frame.everything if cell.record), None)
    if ran is None:
        raise BenchError(f"task {frame.name}: nothing has run yet; run `{frame.command}`")
    metrics = {name: dict(frame.manifests.get(block.get("manifest"), {})) for name, block in frame.metrics.items()}
    return ({"preset": preset} if preset else {}) | {
        "source": "who made these runs, with what: project, version, command",
        "tasks": {frame.name: {"data_hash": ran.record["data_hash"], "metrics": metrics}},
    }


def table(frame: TaskFrame, imports: list[External]) -> Table | None:
    """The headline's endpoint of every external method beside the task's baseline, by tests that pair nothing."""
    metric = frame.headline
    rows, sources = [], []
    base = frame.cell(frame.baseline)
    against = base.units(metric).to_numpy() if base and base.record and metric in base.record["metrics"] else None
    for found in imports:
        if frame.name not in found.tasks:
            continue
        check(found, frame)
        own = found.scores[(found.scores.task == frame.name) & (found.scores.metric == metric)]
        for method, part in own.groupby("method", sort=False):
            rows.append(_row(f"{method} ({found.name})", part, frame, against))
            sources.append(f"{found.name}: {found.source}")
    if not rows:
        return None
    title = base.title if base else "a baseline"
    head = [
        "method",
        f"{aimed(frame.metrics[metric])}, IQM [95\u00a0%]",
        "step",
        "n",
        f"difference to {title} [95\u00a0%]",
        "p (Welch)",
        "p (rank sum)",
        "P(better)",
    ]
    notes = [
        "Made elsewhere and brought in: their seeds share nothing with ours, so differences are unpaired (Welch's interval), "
        "p is for one comparison and outside the task's tested family, and no training of theirs can be repeated from here.",
        "; ".join(dict.fromkeys(sources)) + ".",
    ]
    return Table(f"{frame.title}: external runs", head, rows, notes)


def _row(name: str, part: pd.DataFrame, frame: TaskFrame, against: np.ndarray | None) -> list[Text]:
    last = int(part.step.max())
    x = part[part.step == last].value.to_numpy(float)
    low, high = st.iqm_interval(x) if len(x) >= st.FEWEST_FOR_INTERVAL else (np.nan, np.nan)
    value = float(st.iqm(x[None]))
    shown = [Text(name), Text(interval(value, low, high, decimals([value]))), Text(str(last)), Text(str(len(x)))]
    if against is None or len(x) < 2 or len(against) < 2:
        return [*shown, *[Text(NONE)] * 4]
    from harness.report.stats.significance import unpaired_difference  # scipy's tests take a second to load

    gap = unpaired_difference(x, against)
    up = frame.metrics[frame.headline]["higher_is_better"]
    chance = NONE if up is None else number(st.improvement(x[None], against[None], up), 2)
    return [
        *shown,
        Text(interval(gap.mean, gap.low, gap.high, decimals([gap.mean]))),
        Text(f"{gap.welch_p:.2g}"),
        Text(f"{gap.rank_sum_p:.2g}"),
        Text(chance),
    ]


def _manifest(path: Path) -> dict[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        said = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BenchError(f"{path} is missing: `bench import --skeleton TASK` prints one to fill in") from None
    except (YAMLError, UnicodeDecodeError, OSError) as error:
        raise BenchError(f"{path} is no readable YAML: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(said, dict) or not KEYS <= set(said) <= KEYS | OPTIONAL or not isinstance(said["tasks"], dict):
        raise BenchError(
            f"{path}: the keys are source, tasks and, for records of an archived preset, preset; `bench import --skeleton TASK` prints an example"
        )
    for task, block in said["tasks"].items():
        if not isinstance(block, dict) or not isinstance(block.get("metrics"), dict):
            raise BenchError(
                f"{path}: tasks.{task} needs data_hash and metrics, a block for each; `bench import --skeleton TASK` prints an example"
            )
    return said


def _scores(path: Path) -> pd.DataFrame:
    """The rows of a CSV, each checked. Raises BenchError that names the first broken one by its line."""
    words = _rows(path)
    rows = pd.DataFrame({column: _column(path, words[column], column) for column in SCORE_COLUMNS}).drop_duplicates()
    same = ["task", "method", "seed", "step", "metric"]
    if (twice := rows[rows.duplicated(same)]).size:
        first = twice.iloc[0]
        raise BenchError(
            f"{path}, line {twice.index[0]}: {first.task}/{first.method}, seed {first.seed}, step {first.step}: "
            f"{first.metric} is there twice with different values"
        )
    for (task, method, metric), part in rows.groupby(["task", "method", "metric"], sort=False):
        ends = part.groupby("seed").step.max()
        if ends.nunique() > 1:
            raise BenchError(
                f"{path}: {task}/{method}: {metric} ends at step {ends.max()} for seed {ends.idxmax()} "
                f"and at {ends.min()} for seed {ends.idxmin()}"
            )
    return rows


def _rows(path: Path) -> pd.DataFrame:
    """The columns of a CSV as the text that stands there ('None' is a name like another), indexed by line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            head = next(reader, [])
            found = {reader.line_num: row for row in reader if row}
    except FileNotFoundError:
        raise BenchError(f"{path} is missing") from None
    except (csv.Error, ValueError, OSError) as error:
        raise BenchError(f"{path} is not a readable CSV: {' '.join(str(error).split())}") from None
    if odd := [column for column in SCORE_COLUMNS if head.count(column) != 1]:
        what = "is missing" if odd[0] not in head else "is there twice"
        raise BenchError(f"{path}: column {odd[0]} {what}; the columns are {', '.join(SCORE_COLUMNS)}")
    for line, row in found.items():
        if len(row) != len(head):
            raise BenchError(f"{path}, line {line}: {len(row)} values for {len(head)} columns")
    if not found:
        raise BenchError(f"{path} has no rows")
    return pd.DataFrame.from_dict(found, orient="index", columns=head, dtype=str)


def _column(path: Path, words: pd.Series, column: str) -> pd.Series:
    """One column, read by its kind: names, whole numbers (seed, step), or finite numbers (value)."""
    read, needed = READERS[column]
    values = [read(word) for word in words]
    for line, word, value in zip(words.index, words, values, strict=True):
        if value is None:
            raise BenchError(f"{path}, line {line}: {column} {ascii(word)} must be {needed}")
    return pd.Series(values, words.index)


def _name(word: str) -> str | None:
    return word if word and word == " ".join(word.split()) and word.isprintable() else None


def _whole(word: str) -> int | None:
    return int(float(word)) if re.fullmatch(r" *[0-9]{1,15}(\.0*)? *", word) else None


def _finite(word: str) -> float | None:
    try:
        value = float(word.replace("_", "?"))  # Python would take 1_0 for ten
    except ValueError:
        return None
    return value if math.isfinite(value) else None


NAMED = _name, "a name without spaces around it"
READERS = {
    "task": NAMED,
    "method": NAMED,
    "metric": NAMED,
    "seed": (_whole, "an integer from 0"),
    "step": (_whole, "an integer from 0"),
    "value": (_finite, "a finite number; give a failed run its floor score"),
}
