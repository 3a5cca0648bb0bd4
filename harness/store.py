"""Where records are stored and how cells are named, for the code that writes records and the code that reads them.

A name becomes a folder, a key of params.yaml, a DVC stage and an argument of a command, so it is checked before any of
that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from harness.errors import BenchError

RECORDS, ARCHIVE = Path("results/records"), Path("results/archive")
# The files of a record; `harness.schema` says what stands in them.
HEAD, SCORES, CURVES, PROVENANCE = "record.json", "scores.csv", "curves.csv", "provenance.json"
PANELS, SHEET, ARTEFACTS = "panels.csv", "sheet.png", "artefacts.npz"  # of the families that write them
FILES = frozenset((HEAD, SCORES, CURVES, PROVENANCE, PANELS, SHEET, ARTEFACTS))  # what a cell may leave
SEAL = "SHA256SUMS"  # of all of these; see `harness.seal`
VERIFIED = "verified.json"  # of an archived record, made later
LONGEST = 64  # characters of a name
NAME = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_.-]{{0,{LONGEST - 1}}}")

Value = bool | int | float | str  # of an ablated parameter


@dataclass(frozen=True)
class CellName:
    """The name of a cell, as plans, records and rows of the report use it."""

    task: str
    name: str

    def __str__(self) -> str:
        return f"{self.task}/{self.name}"

    @property
    def command(self) -> str:
        """The command that trains the cell."""
        return f"bench train {self.task} {self.name}"


def preset_command(preset: str) -> str:
    """Return the command that makes the records of a preset, to be run in the project's folder."""
    return f"bench preset {preset} --jobs 2"


def command_of(folder: Path) -> str:
    """Return the command that makes the record in `folder`: `bench train` for a live record, `bench preset` for an
    archived one.
    """
    if folder.parents[2].name == ARCHIVE.name:
        return preset_command(folder.parents[1].name)
    return CellName(folder.parent.name, folder.name).command


def checked_name(what: str, name: Any) -> str:
    """Return `name` if it can be one component of a path. Raises BenchError, which says what is named, if it cannot."""
    if isinstance(name, (bool, int, float)) or name is None:
        raise BenchError(
            f"{what}: YAML reads this name as {'null' if name is None else spell(name)}, not as text: put it in quotes"
        )
    if not isinstance(name, str) or not NAME.fullmatch(name):
        shown = ascii(name) if len(ascii(name)) <= LONGEST + 2 else ascii(name)[:LONGEST] + "..."
        raise BenchError(
            f"{what} cannot be called {shown}: use 1 to {LONGEST} ASCII letters, digits, '_', '-' and '.', "
            "and begin with a letter, a digit or '_'"
        )
    return name


def cell_name(method: str, ablation: str, value: Value) -> str:
    """Return the name of an ablation's cell, e.g. 'vgan-i_c-0.1' for ('vgan', 'i_c', 0.1)."""
    return checked_name(f"a cell of the ablation {ablation}", f"{method}-{ablation}-{spell(value)}")


def spell(value: Value) -> str:
    """Return an ablated value as text, spelled as DVC does: 64 -> '64', 64.0 -> '64.0', True -> 'true', 'hinge' ->
    'hinge'.
    """
    return str(value).lower() if isinstance(value, bool) else str(value)


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether a value can be placed on an axis; booleans cannot."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def cell_folder(root: Path, task: str, cell: str) -> Path:
    """Return the folder of a cell's record."""
    return root / RECORDS / checked_name("a task", task) / checked_name("a cell", cell)


def archive_folder(root: Path, preset: str) -> Path:
    """Return the folder of a preset's archived records, which contains a folder per task with a folder per cell."""
    return root / ARCHIVE / checked_name("a preset", preset)


def check_names(params: dict[str, Any], where: str = "params.yaml") -> None:
    """Check every name in params.yaml before any of them is used.

    Raises BenchError for the first invalid name, and for two cells that would share a folder, even if only on a file
    system that ignores case. What is not a mapping is left to the schema.
    """
    if "preset" in params:
        checked_name(f"{where}: preset", params["preset"])
    for task, block in _items(params.get("tasks")):
        _checked_key(f"{where}: a key of tasks", task)
        _check_sources(f"{where}: tasks.{task}", block)
    tasks = [*dict.fromkeys(key for part in ("tasks", "methods", "ablations") for key, _ in _items(params.get(part)))]
    _check_distinct(f"{where}: tasks", [_checked_key(f"{where}: a task", task) for task in tasks])
    for task in tasks:
        methods, ablations = (dict(_items(params.get(part))).get(task) for part in ("methods", "ablations"))
        cells = [_checked_key(f"{where}: a key of methods.{task}", method) for method, _ in _items(methods)]
        for name, block in _items(ablations):
            _checked_key(f"{where}: a key of ablations.{task}", name)
            cells += _ablation_cells(f"{where}: ablations.{task}.{name}", name, block)
        _check_distinct(f"{where}: cells of {task}", cells)


def _ablation_cells(where: str, name: str, block: Any) -> list[str]:
    """Return the cell names of one ablation. Raises BenchError for a value that occurs twice."""
    if not isinstance(block, dict) or not isinstance(block.get("values"), (list, tuple)) or "method" not in block:
        return []
    method = checked_name(f"{where}.method", block["method"])
    values = [value for value in block["values"] if isinstance(value, Value)]
    for i, value in enumerate(values):
        if value in values[:i]:
            raise BenchError(f"{where}.values: {spell(value)} equals an earlier value: remove one of the two")
    return [cell_name(method, name, value) for value in values]


def _check_sources(where: str, block: Any) -> None:
    """Check the names in `demonstrations: TASK/CELL` or `archive/PRESET/TASK/CELL`, and in `rewards: TASK`."""
    block = dict(_items(block))
    if (demonstrations := block.get("demonstrations")) is not None:
        parts = demonstrations.split("/") if isinstance(demonstrations, str) else []
        if len(parts) != 2 and (len(parts) != 4 or parts[0] != "archive"):
            raise BenchError(
                f"{where}.demonstrations must be TASK/CELL or archive/PRESET/TASK/CELL, got {demonstrations!a}"
            )
        for part in parts:
            checked_name(f"{where}.demonstrations: a part", part)
    if (rewards := block.get("rewards")) is not None:
        checked_name(f"{where}.rewards", rewards)


def _checked_key(what: str, name: Any) -> str:
    """Return `name` if it can be a key of params.yaml, where DVC separates keys by dots."""
    if "." in checked_name(what, name):
        raise BenchError(f"{what} cannot be called {name}: a dot separates keys for DVC, so use '_' instead")
    return name


def _check_distinct(where: str, names: Iterable[str]) -> None:
    """Raise BenchError if two names are one folder on a file system that ignores case."""
    seen: dict[str, str] = {}
    for name in names:
        if (folder := name.casefold()) in seen:
            raise BenchError(f"{where}: {seen[folder]} and {name} would share a folder: rename one of them")
        seen[folder] = name


def _items(block: Any) -> list[tuple[Any, Any]]:
    return list(block.items()) if isinstance(block, dict) else []
