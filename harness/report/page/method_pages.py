"""Make a page for each method: its scores on all tasks, and for each task its settings, curves, ablations and logs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from harness.report.figures import sheets
from harness.report.figures.sheets import Sheet
from harness.report.figures.style import Plot
from harness.report.page.formulas import Formula, formula
from harness.report.records.frame import CellFrame, TaskFrame
from harness.report.tables.ablation import ablation
from harness.report.tables.constraints import constraints
from harness.report.tables.entries import LEVEL, MISSING, Entry, Head, Link, Table, Text, count, fixed, source, status
from harness.report.tables.spelling import NONE, TIED, aimed, decimals
from harness.report.tables.summary import nominal, score, separation, to_baseline

FOLDER = "methods"
ABSENT = object()  # a setting that the baseline does not have
SHORT = 64  # the most characters of a block of settings on one line


@dataclass(frozen=True)
class Line:
    """One line of the settings.

    differs: whether it differs from the baseline's, whose setting is then the remark.
    """

    text: str
    differs: bool = False
    remark: str = ""


@dataclass(frozen=True)
class Part:
    """A method on one task: its settings and what they are compared with, tables, figures, and a sheet of samples."""

    task: str
    title: str
    words: str
    settings: list[Line]
    tables: list[Table]
    plots: list[Plot]
    samples: Sheet | None


@dataclass(frozen=True)
class MethodPage:
    """The content of one page.

    failures: a line for each cell in which a run failed, or a line that says that none did.
    formula: the formula of its settings on the first task that it ran on.
    """

    name: str
    title: str
    formula: Formula
    scores: Table
    failures: list[str]
    parts: list[Part]


def pages(
    params: dict[str, Any],
    frames: dict[str, TaskFrame],
    summaries: dict[str, pd.DataFrame],
    plots: dict[str, list[Plot]],
    link: Link,
) -> list[MethodPage]:
    """Return a page for each method's name, in the order of the parameters.

    params: the parameters.
    frames: the frames by task.
    summaries: the summaries by task.
    plots: the figures of all methods by task.
    link: a file of the project -> its address.
    """
    names = dict.fromkeys(cell.name for frame in frames.values() for cell in frame.cells)
    ends = {name: _ends(frame, summaries[name]) for name, frame in frames.items()}
    return [_page(name, params, frames, summaries, ends, plots, link) for name in names]


def _ends(frame: TaskFrame, summary: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the headline's row of each cell that has one."""
    rows = summary[summary.metric == frame.headline]
    return dict(zip(rows.cell, (row for _, row in rows.iterrows()), strict=True))


def listing(block: Mapping[str, Any], base: Any = None, depth: int = 0) -> Iterator[Line]:
    """Yield the lines of nested settings as YAML.

    A block of plain values that all equal the baseline's is on one line. What only the baseline has comes last.

    block: the settings.
    base: the settings to compare with; None for no comparison.
    depth: the level of nesting.
    """
    indent = "  " * depth
    for key, value in block.items():
        other = base.get(key, ABSENT) if isinstance(base, Mapping) else base
        differs = base is not None and other != value
        flat = f"{indent}{key}: {_flow(value)}"
        nested = isinstance(value, Mapping) and value
        if nested and (differs or len(flat) > SHORT or any(isinstance(part, Mapping) for part in value.values())):
            inner = isinstance(other, Mapping)
            yield Line(f"{indent}{key}:", differs and not inner, _remark(other) if differs and not inner else "")
            yield from listing(value, other if inner else ABSENT if differs else None, depth + 1)
        else:
            yield Line(flat, differs, _remark(other) if differs else "")
    if isinstance(base, Mapping):
        yield from (Line(f"{indent}{key}: {NONE}", True, _remark(base[key])) for key in base if key not in block)


def _remark(other: Any) -> str:
    return "" if other is ABSENT else f"baseline: {_flow(other)}"


def _flow(value: Any) -> str:
    """Write a value on one line: {k: v}, [a, b], null, true, 1e-08, plain words."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(part)}" for key, part in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return value if isinstance(value, str) else json.dumps(value)


def _page(
    name: str,
    params: dict[str, Any],
    frames: dict[str, TaskFrame],
    summaries: dict[str, pd.DataFrame],
    ends: dict[str, dict[str, pd.Series]],
    plots: dict[str, list[Plot]],
    link: Link,
) -> MethodPage:
    having = [(frame, cell) for frame in frames.values() if (cell := frame.cell(name))]
    rows = [_row(frame, cell, ends[frame.name].get(cell.name), link) for frame, cell in having]
    head: list[Head | str] = [
        "task",
        "scored by",
        Head("score", nominal(pd.Series([cell.n for _, cell in having if cell.record], dtype=int))),
        "n",
        Head("difference to the baseline", LEVEL),
        "P(better)",
        "verdict",
        "status",
        "record",
    ]
    notes = [
        "Score: interquartile mean over the seeds. Difference: mean over shared seeds, this method minus the baseline."
    ]
    title = having[0][1].title
    parts = [_part(frame, cell, params, summaries[frame.name], plots[frame.name], link) for frame, cell in having]
    failures = [f"{frame.title}: {cell.status}." for frame, cell in having if cell.failures or cell.fault]
    if not failures:
        failures = ["No run failed." if any(cell.record for _, cell in having) else "Nothing has run yet."]
    block = next((cell for _, cell in having if cell.record), having[0][1])
    told = formula(_settings(block, params))
    return MethodPage(name, title, told, Table(f"{title}: all tasks", head, rows, notes), failures, parts)


def _row(frame: TaskFrame, cell: CellFrame, row: pd.Series | None, link: Link) -> list[Entry]:
    end = [status(cell), source(cell, link)]
    task = Text(frame.title, href=f"#{frame.name}")
    if row is None:
        return [task, *[MISSING] * 6, *end]
    block = frame.metrics[frame.scored_by]
    against = frame.cell(frame.baseline)
    return [
        task,
        Text(aimed(block)),
        score(row, decimals([row.value])),
        count(row.n),
        to_baseline(frame, row, decimals([row.difference]), against.title if against else ""),
        fixed(row.improvement, 2),
        separation(row, block["higher_is_better"]),
        *end,
    ]


def _part(
    frame: TaskFrame, cell: CellFrame, params: dict[str, Any], summary: pd.DataFrame, plots: list[Plot], link: Link
) -> Part:
    swept = [each for each in frame.ablations if each.of == cell.name]
    cells = [cell, *(own for each in swept for own in each.cells)]
    made = [constraints(frame, cells, link), *(ablation(frame, each, summary, link) for each in swept)]
    own = {f"{frame.name}-{each.name}" for each in swept}
    shown = [plot for plot in plots if plot.method == cell.name or plot.name in own]
    base = frame.cell(frame.baseline)
    other = base if base and base.name != cell.name else None
    settings = list(listing(_settings(cell, params), _settings(other, params) if other else None))
    words = (
        "The settings of the run, with defaults filled in."
        if cell.record
        else "Settings as declared; the method has not run."
    )
    if other:
        marked = sum(line.differs for line in settings)
        lines = f"{marked or 'No'} line{'s' * (marked != 1)} marked{TIED}≠ differ{'s' * (marked == 1)}"
        words += f" {lines} from the baseline, {other.title}."
    elif base:
        words += " The other methods of this task are compared with it."
    tables = [table for table in made if table]
    return Part(frame.name, frame.title, words, settings, tables, shown, sheets.of(frame, cell))


def _settings(cell: CellFrame, params: dict[str, Any]) -> dict[str, Any]:
    """Return the method's block of the record, or that of the parameters if there is no record."""
    declared = (params.get("methods", {}).get(cell.task) or {}).get(cell.name) or {}
    return (cell.record or {}).get("params", {}).get("method", declared)
