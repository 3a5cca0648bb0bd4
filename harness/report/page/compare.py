"""Two methods side by side, from records alone: no parameters, no torch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.errors import BenchError, nearest
from harness.report.records import checks
from harness.report.records.aggregate import seeds_needed, summarise
from harness.report.records.checks import span
from harness.report.records.frame import Cell, TaskFrame, read
from harness.report.stats.significance import FEWEST_FOR_TEST
from harness.report.tables.tables import LEVEL, manifest_notes, verdict
from harness.report.tables.words import NONE, RHO, Table, Text, aimed, decimals, interval, number

Place = tuple[str, Path]  # a preset ('' for the live records) and the folder that holds its tasks


def frames(
    root: Path, a: str, b: str, task: str | None = None, preset: str | None = None
) -> list[tuple[str, TaskFrame]]:
    """(preset, frame of the two cells with b as the baseline), one for each place where both have records.

    preset: of archived records; default: the live ones, and the archived ones where there are no live ones.
    Raises BenchError where there is no such pair, or where the two must not stand in one table.
    """
    places = _places(root, preset)
    found: list[tuple[str, TaskFrame]] = []
    for name, folder in places:
        if name and found and preset is None:
            break  # live records answer
        for path in sorted(p for p in folder.iterdir() if p.is_dir() and task in (None, p.name)):
            if all((path / cell / "record.json").is_file() for cell in (a, b)):
                found.append((name, _frame(folder, name, path.name, a, b)))
    if not found:
        raise BenchError(_nothing(places, a, b, task))
    for _, frame in found:
        checks.check(frame, frame.cells[1].record.get("protocol"))
    return found


def _frame(folder: Path, preset: str, task: str, a: str, b: str) -> TaskFrame:
    found = [read(folder, Cell(task, name, name, name, preset=preset)) for name in (a, b)]
    cells = [replace(cell, rewards=_rewards(folder, cell.record)) for cell in found]
    settings = cells[0].record.get("params", {}).get("task", {})
    return TaskFrame(task, task, settings.get("family", ""), settings, b, cells, [])


def _rewards(folder: Path, record: dict[str, Any]) -> int | None:
    """How many learnt rewards the policies of a re-training cell go round: the seeds of the cell that learnt them."""
    source = record.get("params", {}).get("task", {}).get("rewards")
    path = folder / str(source) / record["cell"] / "record.json"
    return len(json.loads(path.read_text(encoding="utf-8"))["seeds"]) if source and path.is_file() else None


def _places(root: Path, preset: str | None) -> list[Place]:
    archived = sorted(path for path in (root / "results/archive").glob("*") if path.is_dir())
    if preset is not None:
        names = [path.name for path in archived]
        if preset not in names:
            raise BenchError(f"no archived records of preset {preset}; there are {', '.join(names) or 'none'}")
        return [(preset, root / "results/archive" / preset)]
    live = root / "results/records"
    return [("", live)] * live.is_dir() + [(path.name, path) for path in archived]


def _nothing(places: list[Place], a: str, b: str, task: str | None) -> str:
    """Which name is wrong, or that the two never meet."""
    known = {
        cell.name: None
        for _, folder in places
        for cell in folder.glob(f"{task or '*'}/*")
        if (cell / "record.json").is_file()
    }
    where = f"task {task}" if task else "any task"
    for name in (a, b):
        if name not in known:
            return f"{where} has no record of {name}; {nearest(name, known)}"
    return f"{a} and {b} have records, but never on the same task; see `bench list`"


def table(frame: TaskFrame, summary: pd.DataFrame) -> Table:
    """A row per metric: both methods, and the first minus the second on the seeds that they share."""
    a, b = frame.cells
    rows = summary.set_index(["cell", "metric"])
    body = []
    for metric, block in frame.metrics.items():
        if (a.name, metric) not in rows.index or (b.name, metric) not in rows.index:
            continue
        one, other = rows.loc[(a.name, metric)], rows.loc[(b.name, metric)]
        digits, fine = decimals([one.value, other.value]), decimals([one.difference])
        body.append([
            Text(aimed(block), strong=metric == frame.headline),
            Text(interval(one.value, one.ci_low, one.ci_high, digits)),
            Text(interval(other.value, other.ci_low, other.ci_high, digits)),
            Text(interval(one.difference, one.difference_ci_low, one.difference_ci_high, fine)),
            Text(number(one.rho, 2)),
            Text(interval(one.improvement, one.improvement_low, one.improvement_high, 2)),
            Text(f"{one.p_holm:.3g}" if np.isfinite(one.p_holm) else NONE),
            Text(verdict(one, block["higher_is_better"]) if metric == frame.headline else NONE),
        ])
    head = [
        "metric",
        f"{a.name} {LEVEL}",
        f"{b.name} {LEVEL}",
        f"difference {LEVEL}",
        "ρ",
        f"P(better) {LEVEL}",
        "p",
        "verdict",
    ]
    return Table(f"{frame.name}: {a.name} against {b.name}", head, body, _notes(frame, summary))


def _notes(frame: TaskFrame, summary: pd.DataFrame) -> list[str]:
    a, b = frame.cells
    first = summary[(summary.cell == a.name) & (summary.metric == frame.headline)].iloc[0]
    what = "learnt rewards (re-trainings of one are averaged)" if a.rewards else f"seeds {span(a.seeds)}"
    notes = [f"Paired over {a.n} {what}; IQM with bootstrap interval, mean difference with paired t interval. {RHO}"]
    if np.isfinite(first.p_holm):
        notes.append(
            "p: exact sign-flip test of this one comparison; of several that you tried, adjust it, as the report's tables do."
        )
    else:
        notes.append(f"No p: {a.n} runs are too few for the sign-flip test, which takes {FEWEST_FOR_TEST}.")
    if np.isfinite(first.seeds_needed):
        notes.append(_seeds(frame, first))
    notes += [f"{cell.name}: {cell.status}" for cell in (a, b) if cell.failures]
    notes += [f"{cell.name}: recorded by {cell.commit}" for cell in (a, b) if cell.commit]
    return notes + manifest_notes(frame, frame.metrics)


def _seeds(frame: TaskFrame, row: pd.Series) -> str:
    """What it would take for this comparison alone, as claims are judged, and within the family of the table."""
    words = f"{row.seeds_needed:.0f} seeds would find the observed difference with 80 % power, were it the true one"
    family = _family(frame)
    if family < 2:
        return f"{words}."
    needed = seeds_needed(frame, row, family)
    return f"{words}; {needed:.0f} in the report's table, which adjusts for all {family} methods beside the baseline."


def _family(frame: TaskFrame) -> int:
    """How many methods the report compares with the task's baseline, by the records beside these two."""
    a = frame.cells[0]
    names = sorted(path.parent.name for path in a.folder.parent.glob("*/record.json"))
    records = [read(a.folder.parents[2], Cell(frame.name, name, name, name)).record for name in names]
    of_preset = [record for record in records if record["preset"] == a.record["preset"] and not record.get("ablation")]
    return sum(frame.headline in record["metrics"] for record in of_preset) - 1


def lines(root: Path, a: str, b: str, task: str | None = None, preset: str | None = None) -> Iterator[str]:
    """The comparison for a terminal, a line at a time; arguments and errors as in `frames`."""
    for name, frame in frames(root, a, b, task, preset):
        made = table(frame, summarise(frame))
        yield f"{made.title}{f' (archived preset {name})' if name else ''}"
        shown = [made.head, *[[text.text for text in row] for row in made.rows]]
        widths = [max(len(row[place]) for row in shown) for place in range(len(made.head))]
        for row in shown:
            yield "  ".join(word.ljust(width) for word, width in zip(row, widths)).rstrip()
        yield from made.notes
        yield ""
