"""Read result files into one checked frame for each task. Only cells that the parameters name are read, never a glob.

A cell is looked for in `results/records/<task>/<cell>/` (live) and then in `results/archive/<preset>/<task>/<cell>/`
(evidence of a named commit). A missing cell stays in the frame as 'not run'; one that cannot be read, or that must not
be compared with the others, stays as 'unreadable' with the reason.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness import packed, seal
from harness.errors import BenchError
from harness.ranges import reward_of, span
from harness.remembered import Remembered, digest
from harness.report.records import checks, code, renormalised
from harness.schema import (
    CURVE_COLUMNS,
    PANEL_COLUMNS,
    SCORE_COLUMNS,
    Ablation,
    read_head,
    read_provenance,
    read_verified,
    validate,
)
from harness.store import (
    CURVES,
    HEAD,
    PANELS,
    PROVENANCE,
    RECORDS,
    SCORES,
    SHEET,
    VERIFIED,
    CellName,
    Value,
    archive_folder,
    cell_name,
    is_number,
    preset_command,
    spell,
)

HALVES = ("half_0_", "half_1_")  # before a metric's name: its value by half of the real data, see `checkpoints.py`


@dataclass(frozen=True)
class CellFrame(CellName):
    """The record of one cell, with all its seeds.

    record: its head, as in the schema; None if the cell has not run, or if `fault` says why it cannot be shown.
    """

    method: str
    title: str  # the name that readers see
    value: Value | None = None  # of the ablated parameter
    folder: Path | None = None
    record: dict[str, Any] | None = None
    commit: str = ""  # of an archived record
    verified: str = ""  # of an archived record: what `bench verify` found
    rewards: int | None = None  # for re-training: the number of learnt rewards that the named seeds cycle through
    preset: str = ""  # the preset of the cell, if it is not the project's own
    named: tuple[int, ...] = ()  # the seeds that the parameters name; the record may have more
    between: renormalised.Between = field(default_factory=dict)  # what older returns are normalised between
    fault: str = ""
    sealed: bool = True  # whether its record has a seal; the oldest records have none
    floor: bool = False  # whether it learns nothing of what the task asks, as `report.floors` says

    @property
    def command(self) -> str:
        """Return the command that makes its record, in the project's folder and with the cell's own preset."""
        return preset_command(self.preset) if self.preset else f"bench train {self.task} {self.name}"

    @property
    def head(self) -> dict[str, Any]:
        """Return the head of the record of a cell that has run."""
        assert self.record is not None, f"{self} has not run"
        return self.record

    @property
    def swept(self) -> Value:
        """Return the value of the ablated parameter of a cell of an ablation."""
        assert self.value is not None, f"{self} is not part of an ablation"
        return self.value

    @property
    def seeds(self) -> list[int]:
        return list(self.record["seeds"]) if self.record else []

    @property
    def failures(self) -> dict[int, str]:
        """Return the seeds that did not finish, each with its state."""
        if not self.record:
            return {}
        status = {int(seed): word for seed, word in self.record["status"].items()}
        return {seed: word for seed, word in sorted(status.items()) if word != "finished"}

    @property
    def status(self) -> str:
        """Return 'not run', 'unreadable: reason', 'finished', or e.g. '1 of 10 failed: seed 3 diverged at step 512'."""
        if self.fault:
            return f"unreadable: {self.fault}"
        if not self.record:
            return "not run"
        if not self.failures:
            return "finished"
        listed = ", ".join(f"seed {seed} {word}" for seed, word in self.failures.items())
        return f"{len(self.failures)} of {len(self.seeds)} failed: {listed}"

    @cached_property
    def scores(self) -> pd.DataFrame:
        """Return rows of (task, method, seed, step, metric, value), of which the last step is the endpoint."""
        rows = _read_csv(self, SCORES, SCORE_COLUMNS)
        assert rows is not None, "scores are not optional"
        for task, name in {*zip(rows.task, rows.method)} - {(self.task, self.name)}:
            raise BenchError(f"{self}: {SCORES} has rows of {task}/{name}; run `{self.command}`")
        return renormalised.rows(rows, self.between) if self.between else rows

    @cached_property
    def curves(self) -> pd.DataFrame | None:
        """Return the logs as columns seed, step and one for each log; None if there are no logs."""
        return _read_csv(self, CURVES, CURVE_COLUMNS, optional=True, further=True)

    @cached_property
    def logged(self) -> set[str]:
        """Return the columns of the logs, for which only their first line is read."""
        if "curves" in self.__dict__:
            return set() if self.curves is None else {*self.curves}
        path = packed.standing(self.folder / CURVES) if self.folder else None
        if path is None or not path.is_file():
            return set()
        return set(packed.contents(path).partition(b"\n")[0].decode(errors="replace").split(","))

    @cached_property
    def panels(self) -> pd.DataFrame | None:
        """Return curves that are not time series as columns seed, panel, x, y; None if there are none."""
        return _read_csv(self, PANELS, PANEL_COLUMNS, optional=True)

    @property
    def sheet(self) -> Path | None:
        path = self.folder / SHEET if self.folder else None
        return path if path and path.is_file() else None

    @cached_property
    def _by_step(self) -> dict[tuple[int, str], list[tuple[int, float]]]:
        """Return (step, metric) -> (seed, score) of each row; a report asks for it thousands of times."""
        found: dict[tuple[int, str], list[tuple[int, float]]] = {}
        columns = (self.scores[name].tolist() for name in ("step", "metric", "seed", "value"))
        for step, metric, seed, value in zip(*columns, strict=True):
            found.setdefault((step, metric), []).append((seed, value))
        return found

    @cached_property
    def scored_steps(self) -> np.ndarray:
        return np.sort(self.scores.step.unique())

    def units(self, metric: str, at: float = 1.0) -> pd.Series:
        """Return the scores of independent runs, indexed by seed or by learnt reward (mean of its re-trainings).

        at: the share of the training after which they are taken; the nearest scored step counts.
        """
        if (metric, at) not in self._units:
            values = self.by_unit(metric, at)
            self._units[metric, at] = values.groupby(level=0).mean() if self.rewards else values
        return self._units[metric, at]

    @cached_property
    def _units(self) -> dict[tuple[str, float], pd.Series]:
        """Return (metric, at) -> what `units` has returned; the baseline's are compared with those of every method."""
        return {}

    def by_unit(self, metric: str, at: float = 1.0) -> pd.Series:
        """Return every score at one step, indexed by its seed or by the learnt reward that it shares with others."""
        return pd.Series(self.endpoint(metric, at), index=self.independent)

    def paired(self, other: CellFrame, metric: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the scores [N] of this cell and of the other on the N units that both have."""
        own, theirs = dict(self.units(metric)), dict(other.units(metric))
        shared = [unit for unit in own if unit in theirs]
        return np.array([own[unit] for unit in shared], float), np.array([theirs[unit] for unit in shared], float)

    @property
    def independent(self) -> list[int]:
        """Return for each run its independent unit: its seed, or the learnt reward that it shares with re-trainings."""
        if not self.rewards:
            return self.seeds
        return [reward_of(seed, self.named or self.seeds, self.rewards) for seed in self.seeds]

    @property
    def n(self) -> int:
        """Return the number of independent runs: seeds, or learnt rewards."""
        return len(set(self.independent))

    def endpoint(self, metric: str, at: float = 1.0) -> np.ndarray:
        """Return the scores [S] at the last step, in the order of `seeds`.

        at: the share of the training at which they are taken, as in `units`.
        """
        steps = self.scored_steps
        return self._at(int(steps[np.abs(steps - at * steps.max()).argmin()]) if len(steps) else 0, metric)

    def history(self, metric: str) -> np.ndarray:
        """Return the scores [T, S] at every scored step, in the order of `scored_steps` and `seeds`."""
        return np.stack([self._at(step, metric) for step in self.scored_steps.tolist()])

    def _at(self, step: int, metric: str) -> np.ndarray:
        seeds, rows = self.seeds, self._by_step.get((step, metric), [])
        found = dict(rows)
        whole = len(found) == len(rows) and found.keys() == set(seeds)
        if not whole or not all(map(math.isfinite, found.values())):
            raise BenchError(
                f"{self}: {metric} must have exactly one finite score at step {step} for each of the seeds "
                f"{span(seeds)}; run `{self.command}`"
            )
        return np.array([found[seed] for seed in seeds], dtype=float)


@dataclass(frozen=True)
class Sweep:
    """An ablation as it ran: the cells of one swept parameter, in the order of its values.

    If some of the values are words, the order is that of params.yaml.
    """

    name: str
    key: str
    of: str
    reference: str  # the method that its cells are compared with
    cells: list[CellFrame]
    itself: CellFrame | None  # the unchanged method at its own value, if the ablation sets nothing else

    @property
    def parameter(self) -> str:
        return self.key.rsplit(".", 1)[-1]

    @property
    def points(self) -> list[CellFrame]:
        """Return the swept cells and the method itself, ordered by value; among words, the method's own comes last."""
        points = self.cells + ([self.itself] if self.itself else [])
        return sorted(points, key=self.place) if self.numeric else points

    @property
    def numeric(self) -> bool:
        """Return whether every value is a number, and so has a place on a numeric axis."""
        return all(is_number(cell.value) for cell in self.cells)

    def place(self, cell: CellFrame) -> float:
        """Return a cell's position on the axis of the swept parameter: its value, or its index among words."""
        return float(cell.swept) if self.numeric else float([point.name for point in self.points].index(cell.name))


@dataclass(frozen=True)
class TaskFrame:
    """All cells of one task that the parameters name, whether or not they have run."""

    name: str
    title: str
    family: str
    params: dict[str, Any]
    baseline: str | None
    cells: list[CellFrame]
    ablations: list[Sweep]
    preset: str = ""  # the preset of the task, if it is not the project's own

    @property
    def command(self) -> str:
        """Return the command that makes its records, in the project's folder."""
        return preset_command(self.preset) if self.preset else f"bench train {self.name}"

    @property
    def everything(self) -> list[CellFrame]:
        return self.cells + [cell for ablation in self.ablations for cell in ablation.cells]

    @property
    def unreadable(self) -> list[CellFrame]:
        """Return the cells whose records cannot be shown."""
        return [cell for cell in self.everything if cell.fault]

    @cached_property
    def metrics(self) -> dict[str, dict[str, Any]]:
        """Return the block of each metric (label, higher_is_better, ...) by its name, the headline metric first.

        What only chooses checkpoints is left out, see `checkpoints.py`.
        """
        found: dict[str, dict[str, Any]] = {}
        for cell in self.everything:
            for name, block in (cell.head["metrics"] if cell.record else {}).items():
                if not name.startswith(HALVES):
                    found.setdefault(name, block)
        return dict(sorted(found.items(), key=lambda item: not item[1]["headline"]))

    @property
    def headline(self) -> str | None:
        return next(iter(self.metrics), None)

    @property
    def scored_by(self) -> str:
        """Return the headline metric of a task of which at least one cell has run."""
        assert self.headline is not None, f"nothing of {self.name} has run"
        return self.headline

    @property
    def manifests(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for cell in self.everything:
            found |= cell.head["manifests"] if cell.record else {}
        return found

    def references(self, metric: str | None) -> dict[str, float]:
        """Return the reference values of a metric, e.g. {'train-test floor': 1.7}."""
        found: dict[str, float] = {}
        for cell in self.everything:
            found = (cell.head["references"].get(metric, {}) if cell.record else {}) | found
        return found

    @property
    def floor(self) -> float | None:
        """Return the headline's reference value that is labelled a floor: what perfect samples would score."""
        found = (v for label, v in self.references(self.headline).items() if "floor" in label)
        return next((value for value in found if value > 0), None)

    def cell(self, name: str | None) -> CellFrame | None:
        return next((cell for cell in self.cells if cell.name == name), None)

    def known(self, name: str) -> CellFrame:
        """Return the cell of a name that the task is known to have, for example because its summary names it."""
        found = self.cell(name)
        assert found is not None, f"{self.name} has no cell {name}"
        return found


def load(root: Path, params: dict[str, Any], other: bool = False, known: bool = False) -> dict[str, TaskFrame]:
    """Return every task of the parameters with its cells.

    A record that cannot be read or must not be mixed with the others becomes the fault of its cell. Raises BenchError
    only for faulty parameters.

    other: whether the parameters are those of a preset other than the project's own.
    known: whether all tables were read before and have not changed, so that each can wait until it is asked for.
    """
    frames = {}
    with nullcontext() if known else Remembered(root, "tables", most=100_000) as before:
        for task in params["tasks"]:
            frame = _frame(root, params, task, params["preset"] if other else "", before)
            while faults := dict(checks.faults(frame, params["protocol"])) or dict(_incomplete(frame, before)):
                frame = _without(frame, faults)
            frames[task] = frame
    return frames


def demand(frames: Iterable[TaskFrame]) -> None:
    """Raise BenchError for the first cell that cannot be shown, for callers that need every record."""
    for frame in frames:
        for cell in frame.unreadable:
            raise BenchError(cell.fault)


def _without(frame: TaskFrame, faults: dict[str, str]) -> TaskFrame:
    """Return the frame without the records of faulty cells.

    faults: the name of a cell -> the reason.
    """

    def one(cell: CellFrame) -> CellFrame:
        return replace(cell, record=None, folder=None, fault=faults[cell.name]) if cell.name in faults else cell

    swept = [
        replace(
            each,
            cells=[one(cell) for cell in each.cells],
            itself=None if each.itself is None or each.itself.name in faults else each.itself,
        )
        for each in frame.ablations
    ]
    return replace(frame, cells=[one(cell) for cell in frame.cells], ablations=swept)


def shown(value: Value) -> str:
    """Return an ablated value as readers see it: a float in short form, anything else as params.yaml spells it."""
    return f"{value:g}" if isinstance(value, float) else spell(value)


def _frame(root: Path, params: dict[str, Any], task: str, other: str, before: Remembered | None) -> TaskFrame:
    report, preset = params.get("report", {}), params["preset"]
    methods = params.get("methods", {}).get(task) or {}
    titles = {name: block.get("title", name) for name, block in methods.items()}
    baseline = report.get("baseline", {}).get(task)
    if baseline is not None and baseline not in methods:
        raise BenchError(f"report.baseline.{task}: must be one of {', '.join(methods)}, got {baseline!r}")
    source = params["tasks"][task].get("rewards")
    rewards = len(params["tasks"][source]["seeds"]) if source in params["tasks"] else None

    def find(name: str, method: str, title: str, named: Iterable[int], value: Value | None = None) -> CellFrame:
        cell = CellFrame(task, name, method, title, value, rewards=rewards, preset=other, named=tuple(named))
        return _find(root, preset, replace(cell, floor=name in report.get("floors", {}).get(task, [])), before)

    cells = [find(m, m, titles[m], params["tasks"][task]["seeds"]) for m in methods]
    ablations = []
    for name, block in (params.get("ablations", {}).get(task) or {}).items():
        said = validate(Ablation, block, f"ablations.{task}.{name}")
        method, values, swept = said.method, said.values, []
        for value in sorted(values) if all(map(is_number, values)) else values:
            title = f"{titles[method]}, {name} {shown(value)}"
            swept.append(find(cell_name(method, name, value), method, title, said.seeds, value))
        itself = None if said.set else _itself(cells, said)
        ablations.append(Sweep(name, said.key, method, said.reference or baseline or method, swept, itself))
    settings = params["tasks"][task]
    title, family = settings.get("title", task), settings["family"]
    return TaskFrame(task, title, family, settings, baseline, cells, ablations, other)


def _itself(cells: list[CellFrame], said: Ablation) -> CellFrame | None:
    """Return the unchanged method at the value that it was trained with, unless the sweep contains that value."""
    cell = next((cell for cell in cells if cell.name == said.method), None)
    if cell is None or not cell.record:
        return None
    value = cell.head["params"]["method"]
    for part in said.key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    words = not all(map(is_number, said.values))
    known = isinstance(value, Value) and (words or is_number(value)) and value not in said.values
    return replace(cell, value=value) if known else None


def _find(root: Path, preset: str, cell: CellFrame, before: Remembered | None) -> CellFrame:
    """Return the cell with its record of this preset, if there is one, or with the fault of that record.

    before: what was read before without a fault; None if that holds for everything.
    """
    archive, strange = archive_folder(root, preset), ""
    for folder in (archive,) if cell.preset else (root / RECORDS, archive):
        try:
            found = read(folder, cell)
            if found.record and found.record["preset"] == preset:
                if before is not None:
                    _check(found, (SCORES, CURVES, PANELS), _tables, before)
                return found
        except BenchError as error:
            return replace(cell, fault=str(error))
        if found.record:
            strange = f"{cell}: {HEAD} must be of preset {preset}, got {found.record['preset']}; run `{cell.command}`"
    return replace(cell, fault=strange)


def _incomplete(frame: TaskFrame, before: Remembered | None) -> Iterator[tuple[str, str]]:
    """Yield (cell, reason) for the cells that lack a score of the last step, unless all are known to be right."""
    if before is None:
        return
    for cell in frame.everything:
        try:
            if cell.record:
                _check(cell, (HEAD, SCORES), _endpoints, before)
        except BenchError as error:
            yield cell.name, str(error)


def _tables(cell: CellFrame) -> None:
    _ = cell.scores, cell.curves, cell.panels


def _endpoints(cell: CellFrame) -> None:
    for metric in cell.head["metrics"]:
        cell.endpoint(metric)


def _check(cell: CellFrame, names: Sequence[str], look: Callable[[CellFrame], None], before: Remembered) -> None:
    """Look at files of a record, unless the same files were right before.

    Most logs are shown only by figures that are drawn already, so nothing else would read them.
    """
    assert cell.folder is not None, f"{cell} has a record"
    paths = [packed.standing(cell.folder / name) for name in names]
    about = f"{cell} {look.__name__} {[path.name for path in paths]} {cell.between} {code.state()}".encode()
    contents = (path.read_bytes() if path.is_file() else b"" for path in paths)

    def right() -> bool:
        look(cell)
        return True

    before.get(digest(about, *contents), right)


def read(folder: Path, cell: CellFrame) -> CellFrame:
    """Return the cell with its record in `folder`, or unchanged if there is none.

    A record under results/archive comes with the commit that made it.

    folder: a folder that has a subfolder for each task.
    """
    place = folder / cell.task / cell.name
    if not (place / HEAD).is_file():
        return cell
    record = read_head(place).model_dump(mode="json")
    between = renormalised.between(record, folder)
    record = renormalised.head(record, between) if between else record
    found = replace(cell, folder=place, record=record, sealed=seal.has_seal(place), between=between)
    kept = folder.parent.name == "archive"
    return replace(found, commit=_commit(place), verified=_verified(place)) if kept else found


UNKNOWN = "an unknown commit"


def _commit(folder: Path) -> str:
    """Return the commits whose code made the record, those of earlier blocks first."""
    if not (folder / PROVENANCE).is_file():
        return UNKNOWN
    found = read_provenance(folder)
    made = [*(found.earlier[block] for block in sorted(found.earlier)), found.environment]
    return " and ".join(dict.fromkeys(each.commit[:10] if each.commit else UNKNOWN for each in made))


def _verified(folder: Path) -> str:
    if not (folder / VERIFIED).is_file():
        return ""
    return (
        "the current code reproduces the recorded states"
        if read_verified(folder).agrees
        else "the current code does not reproduce the recorded states"
    )


def _read_csv(
    cell: CellFrame, name: str, columns: Mapping[str, type], optional: bool = False, further: bool = False
) -> pd.DataFrame | None:
    """Read a table of the record; return None if an optional one is missing or empty.

    Raises BenchError for a column that the schema does not have and for a value of the wrong type.

    name: the name of the file.
    columns: the name of each column -> its type.
    optional: whether the file may be missing.
    further: whether more columns, of numbers, are allowed.
    """
    path = packed.standing(cell.folder / name) if cell.folder else None
    if path is None or not path.is_file():
        if optional:
            return None
        raise BenchError(f"{cell}: {name} is missing; run `{cell.command}`")
    content = packed.contents(path)
    if optional and len(content) <= 1:  # all seeds failed before the first logged step
        return None
    words = {column: str for column, kind in columns.items() if kind is str}
    try:  # a cell may be called 'NA' or 'None'
        frame = pd.read_csv(io.BytesIO(content), dtype=words, keep_default_na=False, na_values=[""], low_memory=False)
    except (ValueError, OSError) as error:
        raise BenchError(f"{cell}: {name} cannot be read; run `{cell.command}`") from error
    if absent := [column for column in columns if column not in frame]:
        raise BenchError(f"{cell}: {name} has no column {', '.join(absent)}; run `{cell.command}`")
    if unknown := [column for column in frame if column not in columns and not further]:
        raise BenchError(f"{cell}: {name} has an unknown column {unknown[0]}; run `{cell.command}`")
    if frame.empty and optional:
        return None
    for column, dtype in frame.dtypes.items() if len(frame) else ():
        right = frame[column].notna().all() if column in words else KINDS[columns.get(column, float)](dtype)
        if not right:
            raise BenchError(f"{cell}: column {column} of {name} has a value of the wrong type; run `{cell.command}`")
    return frame


KINDS: dict[type, Callable[[Any], bool]] = {
    int: pd.api.types.is_integer_dtype,
    float: pd.api.types.is_numeric_dtype,
}
