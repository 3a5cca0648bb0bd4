"""A page for each method: its cells over all tasks, and on each task its settings, curves, ablations, and what went on inside."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from harness.report.figures.style import Plot
from harness.report.records.frame import Cell, TaskFrame
from harness.report.tables import tables
from harness.report.tables.words import NONE, TIED, Link, Table, Text, aimed, decimals, interval, number, record, status

FOLDER = "methods"
ABSENT = object()  # a setting that the baseline does not have
SHORT = 64  # characters of a block of settings that stands on one line


@dataclass(frozen=True)
class Line:
    """One line of the settings; differs: from the baseline's, with what that has as the remark."""

    text: str
    differs: bool = False
    remark: str = ""


@dataclass(frozen=True)
class Part:
    """A method on one task: what its settings are compared with, the settings, tables and figures."""

    task: str
    title: str
    words: str
    settings: list[Line]
    tables: list[Table]
    plots: list[Plot]


@dataclass(frozen=True)
class Method:
    """What one page shows; failures: a line for each cell in which a run failed, or one that there is none."""

    name: str
    title: str
    scores: Table
    failures: list[str]
    parts: list[Part]


def pages(
    params: dict[str, Any],
    frames: dict[str, TaskFrame],
    summaries: dict[str, pd.DataFrame],
    plots: dict[str, list[Plot]],
    link: Link,
) -> list[Method]:
    """One for each method's name, in the order of the parameters. plots: by task, those of all methods."""
    names = dict.fromkeys(cell.name for frame in frames.values() for cell in frame.cells)
    return [_page(name, params, frames, summaries, plots, link) for name in names]


def linked(table: Table, cells: list[Cell], folder: str) -> Table:
    """The table with each title of a cell as a link to the page of its method; folder: of those pages."""
    pages = {}
    for cell in cells:
        pages.setdefault(cell.title, f"{folder}/{cell.method}.html")
    titles = "|".join(map(re.escape, sorted(pages, key=len, reverse=True)))
    # A title stands alone, before its number ('GAN: 1.9'), or before whose curve it is ('GAN, ours').
    pattern = re.compile(rf"({titles})((?:: |, (?:ours|published)$).*)?")

    def lead(cell: Text) -> Text:
        found = pattern.fullmatch(cell.text) if pages and not cell.href else None
        return replace(cell, text=found[1], href=pages[found[1]], after=found[2] or "") if found else cell

    return replace(table, rows=[[lead(cell) for cell in row] for row in table.rows])


def listing(block: Mapping[str, Any], base: Any = None, depth: int = 0) -> Iterator[Line]:
    """Nested settings as YAML, a line each; base: those to compare with, None for no comparison.

    A block of plain values that are all the baseline's stands on one line. What only the baseline has comes last.
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
    """A value on one line: {k: v}, [a, b], null, true, 1e-08, plain words."""
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
    plots: dict[str, list[Plot]],
    link: Link,
) -> Method:
    having = [frame for frame in frames.values() if frame.cell(name)]
    rows = [_row(frame, frame.cell(name), summaries[frame.name], link) for frame in having]
    head = [
        "task",
        "scored by",
        f"score {tables.LEVEL}",
        "n",
        f"difference to the baseline {tables.LEVEL}",
        "P(better)",
        "verdict",
        "status",
        "record",
    ]
    notes = [
        "Score: interquartile mean over the seeds. Difference: mean over shared seeds, this method minus the baseline."
    ]
    title = having[0].cell(name).title
    parts = [_part(frame, frame.cell(name), params, summaries[frame.name], plots[frame.name], link) for frame in having]
    failures = [f"{frame.title}: {frame.cell(name).status}." for frame in having if frame.cell(name).failures]
    if not failures:
        failures = ["No run failed." if any(frame.cell(name).record for frame in having) else "Nothing has run yet."]
    return Method(name, title, Table(f"{title}: all tasks", head, rows, notes), failures, parts)


def _row(frame: TaskFrame, cell: Cell, summary: pd.DataFrame, link: Link) -> list[Text]:
    end = [status(cell), record(cell, link)]
    task = Text(frame.title, href=f"#{frame.name}")
    rows = summary[(summary.cell == cell.name) & (summary.metric == frame.headline)]
    if rows.empty:
        return [task, *[Text(NONE)] * 6, *end]
    row, block = rows.iloc[0], frame.metrics[frame.headline]
    against = frame.cell(frame.baseline)
    gap = interval(row.difference, row.difference_ci_low, row.difference_ci_high, decimals([row.difference]))
    if against and against.name == cell.name:
        gap = "is the baseline"
    elif against and gap != NONE:
        gap += f" ({against.title})"
    return [
        task,
        Text(aimed(block)),
        Text(interval(row.value, row.ci_low, row.ci_high, decimals([row.value]))),
        Text(str(row.n)),
        Text(gap),
        Text(number(row.improvement, 2)),
        Text(tables.verdict(row, block["higher_is_better"])),
        *end,
    ]


def _part(
    frame: TaskFrame, cell: Cell, params: dict[str, Any], summary: pd.DataFrame, plots: list[Plot], link: Link
) -> Part:
    swept = [ablation for ablation in frame.ablations if ablation.of == cell.name]
    cells = [cell, *(each for ablation in swept for each in ablation.cells)]
    made = [tables.constraints(frame, cells, link), *(tables.ablation(frame, each, summary, link) for each in swept)]
    own = {f"{frame.name}-{ablation.name}" for ablation in swept}
    shown = [plot for plot in plots if plot.method == cell.name or plot.name in own]
    base = frame.cell(frame.baseline)
    other = base if base and base.name != cell.name else None
    settings = list(listing(_settings(cell, params), _settings(other, params) if other else None))
    words = "Settings as resolved." if cell.record else "Settings as declared: it has not run."
    if other:
        count = sum(line.differs for line in settings)
        lines = f"{count or 'No'} line{'s' * (count != 1)} marked{TIED}≠ differ{'s' * (count == 1)}"
        words += f" {lines} from the baseline, {other.title}."
    elif base:
        words += " The other methods of this task are compared with it."
    return Part(frame.name, frame.title, words, settings, [table for table in made if table], shown)


def _settings(cell: Cell, params: dict[str, Any]) -> dict[str, Any]:
    """The method's block of the record, or of the parameters where there is no record."""
    declared = (params.get("methods", {}).get(cell.task) or {}).get(cell.name) or {}
    return (cell.record or {}).get("params", {}).get("method", declared)
