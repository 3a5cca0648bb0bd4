"""Result files -> one checked frame per task. Reads only what the parameters name, never a glob.

A cell is looked for in `results/records/<task>/<cell>/` (live) and then in
`results/archive/<preset>/<task>/<cell>/` (evidence of a named commit); a record of another
preset is not this report's. What is missing stays in the frame as 'not run'.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.errors import BenchError
from harness.report.records import checks
from harness.store import RECORDS, Value, archive_folder, cell_name, is_number, spelled

SCORE_COLUMNS = ["task", "method", "seed", "step", "metric", "value"]


@dataclass(frozen=True)
class Cell:
    """One (task, cell name) with all its seeds; record is None where it has not run."""

    task: str
    name: str
    method: str
    title: str  # for the reader
    value: Value | None = None  # of the ablated parameter
    folder: Path | None = None
    record: dict[str, Any] | None = None
    commit: str = ""  # of an archived record
    verified: str = ""  # of an archived record: what `bench verify` found
    rewards: int | None = None  # of re-training: how many learnt rewards its seeds go round

    @property
    def command(self) -> str:
        return f"bench train {self.task} {self.name}"

    @property
    def seeds(self) -> list[int]:
        return list(self.record["seeds"]) if self.record else []

    @property
    def failures(self) -> dict[int, str]:
        """Seed -> what became of it, for the seeds that did not finish."""
        if not self.record:
            return {}
        status = {int(seed): word for seed, word in self.record["status"].items()}
        return {seed: word for seed, word in sorted(status.items()) if word != "finished"}

    @property
    def status(self) -> str:
        """'not run', 'finished', or e.g. '1 of 10 failed: seed 3 diverged at step 512'."""
        if not self.record:
            return "not run"
        if not self.failures:
            return "finished"
        listed = ", ".join(f"seed {seed} {word}" for seed, word in self.failures.items())
        return f"{len(self.failures)} of {len(self.seeds)} failed: {listed}"

    @cached_property
    def scores(self) -> pd.DataFrame:
        """Rows task, method, seed, step, metric, value; the last step is the endpoint."""
        return _read_csv(self, "scores.csv", SCORE_COLUMNS)

    @cached_property
    def curves(self) -> pd.DataFrame | None:
        """Wide logs: seed, step and one column per log; None where there are none."""
        return _read_csv(self, "curves.csv", ["seed", "step"], optional=True)

    @cached_property
    def panels(self) -> pd.DataFrame | None:
        """Curves that are no time series: seed, panel, x, y; None where there are none."""
        return _read_csv(self, "panels.csv", ["seed", "panel", "x", "y"], optional=True)

    @property
    def sheet(self) -> Path | None:
        path = self.folder / "sheet.png" if self.folder else None
        return path if path and path.is_file() else None

    @cached_property
    def _ends(self) -> dict[str, pd.Series]:
        last = self.scores[self.scores.step == self.scores.step.max()]
        return {metric: rows.set_index("seed").value for metric, rows in last.groupby("metric")}

    def units(self, metric: str) -> pd.Series:
        """Endpoint scores indexed by what is independent: the seed, or the learnt reward (mean of its re-trainings)."""
        values = self.by_unit(metric)
        return values.groupby(level=0).mean() if self.rewards else values

    def by_unit(self, metric: str) -> pd.Series:
        """Every endpoint score, indexed by the seed or by the learnt reward that it shares with others."""
        index = [seed % self.rewards for seed in self.seeds] if self.rewards else self.seeds
        return pd.Series(self.endpoint(metric), index=index)

    def paired(self, other: Cell, metric: str) -> tuple[np.ndarray, np.ndarray]:
        """The units [N] of this cell and the same ones of the other."""
        own = self.units(metric)
        return own.to_numpy(), other.units(metric).loc[own.index].to_numpy()

    @property
    def n(self) -> int:
        """Independent runs: seeds, or learnt rewards."""
        return len({seed % self.rewards for seed in self.seeds}) if self.rewards else len(self.seeds)

    def endpoint(self, metric: str) -> np.ndarray:
        """Scores [S] at the last step, in the order of `seeds`."""
        last = self._ends.get(metric, pd.Series(dtype=float))
        whole = last.index.is_unique and set(last.index) == set(self.seeds)
        if not whole or not np.isfinite(last).all():
            raise BenchError(
                f"{self.task}/{self.name}: {metric} has no single finite endpoint score for each "
                f"of the seeds {checks.span(self.seeds)}; run `{self.command}`"
            )
        return last.loc[self.seeds].to_numpy(dtype=float)


@dataclass(frozen=True)
class Ablation:
    """One swept parameter: its cells in the order of the values, or of their declaration where some are words."""

    name: str
    key: str
    of: str
    reference: str  # the method that its cells are compared with
    cells: list[Cell]
    itself: Cell | None  # the unchanged method at its own value, where nothing else was set

    @property
    def parameter(self) -> str:
        return self.key.rsplit(".", 1)[-1]

    @property
    def points(self) -> list[Cell]:
        """The swept cells and the method itself, in the order of their values; of words the method's own comes last."""
        points = self.cells + ([self.itself] if self.itself else [])
        return sorted(points, key=lambda cell: cell.value) if self.numeric else points

    @property
    def numeric(self) -> bool:
        """Whether every value has a place on an axis of numbers; words and booleans have not."""
        return all(is_number(cell.value) for cell in self.cells)

    def place(self, cell: Cell) -> float:
        """Where a cell stands on the axis of the swept parameter: at its value, or at its place among words."""
        return float(cell.value) if self.numeric else float([point.name for point in self.points].index(cell.name))


@dataclass(frozen=True)
class TaskFrame:
    """All cells of one task that the parameters name, run or not."""

    name: str
    title: str
    family: str
    params: dict[str, Any]
    baseline: str | None
    cells: list[Cell]
    ablations: list[Ablation]

    @property
    def everything(self) -> list[Cell]:
        return self.cells + [cell for ablation in self.ablations for cell in ablation.cells]

    @property
    def metrics(self) -> dict[str, dict[str, Any]]:
        """Metric name -> its block (label, higher_is_better, ...), headline first."""
        found: dict[str, dict[str, Any]] = {}
        for cell in self.everything:
            for name, block in (cell.record or {"metrics": {}})["metrics"].items():
                found.setdefault(name, block)
        return dict(sorted(found.items(), key=lambda item: not item[1].get("headline", False)))

    @property
    def headline(self) -> str | None:
        return next(iter(self.metrics), None)

    @property
    def manifests(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for cell in self.everything:
            found |= (cell.record or {}).get("manifests", {})
        return found

    def references(self, metric: str | None) -> dict[str, float]:
        """Reference values of a metric, e.g. {'train-test floor': 1.7}."""
        found: dict[str, float] = {}
        for cell in self.everything:
            found = (cell.record or {}).get("references", {}).get(metric, {}) | found
        return found

    @property
    def floor(self) -> float | None:
        """The headline's reference that calls itself a floor: what perfect samples would score."""
        found = (v for label, v in self.references(self.headline).items() if "floor" in label)
        return next((value for value in found if value > 0), None)

    def cell(self, name: str | None) -> Cell | None:
        return next((cell for cell in self.cells if cell.name == name), None)


def load(root: Path, params: dict[str, Any]) -> dict[str, TaskFrame]:
    """Every task of params with its cells, checked; raises BenchError on what must not be mixed."""
    frames = {}
    for task in params["tasks"]:
        frames[task] = _frame(root, params, task)
        checks.check(frames[task], params["protocol"])
    return frames


def shown(value: Value) -> str:
    """An ablated value for a reader: a float in short, anything else as it is spelled in params.yaml."""
    return f"{value:g}" if isinstance(value, float) else spelled(value)


def _frame(root: Path, params: dict[str, Any], task: str) -> TaskFrame:
    report, preset = params.get("report", {}), params["preset"]
    methods = params.get("methods", {}).get(task) or {}
    titles = {name: block.get("title", name) for name, block in methods.items()}
    baseline = report.get("baseline", {}).get(task)
    if baseline is not None and baseline not in methods:
        raise BenchError(f"report.baseline.{task}: no method {baseline!r}; one of {', '.join(methods)}")
    source = params["tasks"][task].get("rewards")
    rewards = len(params["tasks"][source]["seeds"]) if source in params["tasks"] else None

    def find(name: str, method: str, title: str, value: Value | None = None) -> Cell:
        return _find(root, preset, Cell(task, name, method, title, value, rewards=rewards))

    cells = [find(m, m, titles[m]) for m in methods]
    ablations = []
    for name, block in (params.get("ablations", {}).get(task) or {}).items():
        method, swept = block["method"], []
        values = block["values"]
        for value in sorted(values) if all(map(is_number, values)) else values:
            title = f"{titles[method]}, {name} {shown(value)}"
            swept.append(find(cell_name(method, name, value), method, title, value))
        reference = block.get("reference") or baseline or method
        itself = None if block.get("set") else _itself(cells, method, block)
        ablations.append(Ablation(name, block["key"], method, reference, swept, itself))
    settings = params["tasks"][task]
    title, family = settings.get("title", task), settings["family"]
    return TaskFrame(task, title, family, settings, baseline, cells, ablations)


def _itself(cells: list[Cell], method: str, block: dict[str, Any]) -> Cell | None:
    """The unchanged method with the value that it trained with, unless the sweep holds that too."""
    cell = next((cell for cell in cells if cell.name == method and cell.record), None)
    value = cell.record.get("params", {}).get("method") if cell else None
    for part in block["key"].split("."):
        value = value.get(part) if isinstance(value, dict) else None
    words = not all(map(is_number, block["values"]))
    known = isinstance(value, Value) and (words or is_number(value)) and value not in block["values"]
    return replace(cell, value=value) if known else None


def _find(root: Path, preset: str, cell: Cell) -> Cell:
    """The cell with its record, where one of this preset exists."""
    for folder in (root / RECORDS, archive_folder(root, preset)):
        found = read(folder, cell)
        if found.record and found.record.get("preset") == preset:
            return found
    return cell


def read(folder: Path, cell: Cell) -> Cell:
    """The cell with its record in `folder`, which holds a folder per task; as it was where there is none there.

    Under results/archive it carries the commit that made it.
    """
    place = folder / cell.task / cell.name
    path = place / "record.json"
    if not path.is_file():
        return cell
    found = replace(cell, folder=place, record=_read_json(path, cell))
    kept = folder.parent.name == "archive"
    return replace(found, commit=_commit(place, cell), verified=_verified(place, cell)) if kept else found


def _commit(folder: Path, cell: Cell) -> str:
    path = folder / "provenance.json"
    found = _read_json(path, cell).get("environment", {}) if path.is_file() else {}
    return found["commit"][:10] if found.get("commit") else "an unknown commit"


def _verified(folder: Path, cell: Cell) -> str:
    path = folder / "verified.json"
    if not path.is_file():
        return ""
    return "the present code agrees" if _read_json(path, cell)["agrees"] else "the present code differs"


def _read_json(path: Path, cell: Cell) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise BenchError(
            f"{cell.task}/{cell.name}: {path.name} cannot be read ({reason}); run `{cell.command}`"
        ) from error


def _read_csv(cell: Cell, name: str, columns: list[str], optional: bool = False):
    path = cell.folder / name if cell.folder else None
    if path is None or not path.is_file():
        if optional:
            return None
        raise BenchError(f"{cell.task}/{cell.name}: {name} is missing; run `{cell.command}`")
    try:
        frame = pd.read_csv(path)
    except (ValueError, OSError) as error:
        raise BenchError(f"{cell.task}/{cell.name}: {name} cannot be read; run `{cell.command}`") from error
    absent = [column for column in columns if column not in frame]
    if absent:
        raise BenchError(f"{cell.task}/{cell.name}: {name} has no column {', '.join(absent)}; run `{cell.command}`")
    return frame
