"""Read two cells of one task as a frame from their records only, without any parameters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.errors import BenchError, nearest, unknown
from harness.report.records import checks
from harness.report.records.frame import CellFrame, TaskFrame, read
from harness.report.records.tried import TRIED
from harness.schema import read_head

Place = tuple[str, Path]  # a preset ('' for the live records) and the folder of its tasks


def pairs(
    root: Path, a: str, b: str, task: str | None = None, preset: str | None = None
) -> list[tuple[str, TaskFrame]]:
    """Return (preset, frame of both cells) for each place in which both have records.

    Raises BenchError if there is no such pair, or if the two must not be compared.

    a: the first cell.
    b: the second cell, which is the baseline.
    task: the task to look at; default: all.
    preset: the preset of archived records; default: the live records, or the archived ones if there are none.
    """
    places = _places(root, preset)
    found: list[tuple[str, TaskFrame]] = []
    for name, folder in places:
        if name and found and preset is None:
            break  # live records take precedence
        tasks = sorted(p for p in folder.iterdir() if p.is_dir() and task in (None, p.name))
        having = [path for path in tasks if all((path / cell / "record.json").is_file() for cell in (a, b))]
        found += [(name, _frame(folder, name, path.name, a, b)) for path in having]
    if not found:
        raise BenchError(_nothing(root, places, a, b, task))
    for _, frame in found:
        checks.check(frame, frame.cells[1].head["protocol"])
    return found


def _frame(folder: Path, preset: str, task: str, a: str, b: str) -> TaskFrame:
    found = [read(folder, CellFrame(task, name, name, name, preset=preset)) for name in (a, b)]
    cells = [replace(cell, rewards=_rewards(folder, cell.head), named=_named(cell.head)) for cell in found]
    settings = cells[0].head.get("params", {}).get("task", {})
    return TaskFrame(task, task, settings.get("family", ""), settings, b, cells, [], preset)


def _rewards(folder: Path, record: dict[str, Any]) -> int | None:
    """Return the number of learnt rewards that the seeds of a re-training cell cycle through."""
    source = record.get("params", {}).get("task", {}).get("rewards")
    learnt = folder / str(source) / record["cell"]
    if not source or not (learnt / "record.json").is_file():
        return None
    return len(_named(read_head(learnt).model_dump()))


def _named(record: dict[str, Any]) -> tuple[int, ...]:
    """Return the seeds that the parameters named when the record was made; for an ablated cell, all its seeds."""
    return tuple(record["seeds"] if record["ablation"] else record["params"]["task"]["seeds"])


def _places(root: Path, preset: str | None) -> list[Place]:
    archived = sorted(path for path in (root / "results/archive").glob("*") if path.is_dir())
    if preset is not None:
        names = [path.name for path in archived]
        if preset not in names:
            raise BenchError(f"preset {preset} has no archived records; those that have: {', '.join(names) or 'none'}")
        return [(preset, root / "results/archive" / preset)]
    live = root / "results/records"
    return [("", live)] * live.is_dir() + [(path.name, path) for path in archived]


def _nothing(root: Path, places: list[Place], a: str, b: str, task: str | None) -> str:
    """Say which name is wrong, or that the two cells have no task in common."""
    tasks = {path.parent.parent.name for _, folder in places for path in folder.glob("*/*/record.json")}
    if task is not None and task not in tasks and not (root / TRIED / task).is_dir():
        return unknown(f"task {task}", task, tasks)
    known = {
        cell.name: None
        for _, folder in places
        for cell in folder.glob(f"{task or '*'}/*")
        if (cell / "record.json").is_file()
    }
    where = f"task {task}" if task else "no task"
    for name in (a, b):
        if name in known:
            continue
        if any(root.glob(f"{TRIED}/{task or '*'}/{name}")):
            return f"{name} has a trial but no record: train it with `dvc repro`, or compare the trial with --tried"
        return f"{where} has {'no' if task else 'a'} record of {name}; {nearest(name, known)}"
    return f"{a} and {b} have records, but never on the same task; see `bench list`"
