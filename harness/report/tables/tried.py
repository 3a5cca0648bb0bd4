"""Compare a trial with every committed method, at the same step and on the same seeds, without a verdict."""

from __future__ import annotations

import numpy as np

from harness.ranges import span
from harness.report.records.frame import CellFrame
from harness.report.records.tried import scored_of_both
from harness.report.tables.entries import MISSING, Entry, Head, Table, Text, fixed
from harness.report.tables.spelling import decimals, labelled
from harness.report.tables.went import headline
from harness.schema import CURVE_COLUMNS, read_provenance
from harness.store import PROVENANCE

MOST_LOGS = 5


def beside_committed(mine: CellFrame, others: list[CellFrame]) -> Table:
    """Make a table with a row for each method, the trial first.

    The columns are the headline metric, the trial minus the method, and the logs of the trial.

    mine: the trial, made by `bench try`.
    others: the committed methods, cut to the same seeds and steps.
    """
    metric = headline(mine)
    block, step = mine.head["metrics"][metric], max(mine.scores.step)
    scored = {cell.name: _score(cell, metric, step) for cell in (mine, *others)}
    differences = {cell.name: _difference(mine, cell, metric, step) for cell in others}
    curves = [cell.curves for cell in (mine, *others) if cell.curves is not None]
    logged = max(set.intersection(*(set(rows.step) for rows in curves)) if curves else (), default=0)
    named = curves[0] if curves else ()
    logs = [name for name in named if name not in CURVE_COLUMNS and not name.startswith("grad")][:MOST_LOGS]
    means = {cell.name: {log: _log(cell, log, logged) for log in logs} for cell in (mine, *others)}
    digits, fine = decimals(scored.values()), decimals(differences.values())
    each = {log: decimals([row[log] for row in means.values()]) for log in logs}
    ordered = sorted(others, key=lambda cell: _rank(scored[cell.name], block["higher_is_better"]))
    rows: list[list[Entry]] = [
        [
            Text(cell.name, strong=cell is mine),
            fixed(scored[cell.name], digits),
            fixed(differences[cell.name], fine) if cell is not mine else MISSING,
            *(fixed(means[cell.name][log], each[log]) for log in logs),
        ]
        for cell in (mine, *ordered)
    ]
    head: list[Head | str] = [
        "method",
        Head(f"{labelled(block)}, step {step}", "", block["higher_is_better"]),
        f"{mine.name} minus it",
    ]
    head += [f"{log}, step {logged}" if log == logs[0] else log for log in logs]
    return Table(f"{mine.task}: {mine.name}, tried, beside the committed runs", head, rows, _notes(mine, others, step))


def _notes(mine: CellFrame, others: list[CellFrame], step: int) -> list[str]:
    seeds = f"seed{'s' * (len(mine.seeds) > 1)} {span(mine.seeds)}"
    notes = [f"Means over {seeds}, with the same batches and latents for all. So few seeds prove no difference."]
    theirs = sorted({s for cell in others for s in _all(cell)})
    if others and step not in theirs:
        notes.append(
            f"The others were not scored at step {step}; for a step at which they were, use --steps {theirs[0]}."
        )
    if elsewhere := _devices(others) - _devices([mine]):
        notes.append(
            f"Committed runs were made on {', '.join(sorted(elsewhere))}, this one was not: rounding differs there, so "
            "even an equal method differs, by as much as two seeds do."
        )
    if not others:
        notes.append("No other method of this task has a record here to compare with.")
    return notes


def _devices(cells: list[CellFrame]) -> set[str]:
    """Return the processors that made the records, as far as these say."""
    folders = [cell.folder for cell in cells if cell.folder and (cell.folder / PROVENANCE).is_file()]
    return {read_provenance(folder).environment.device for folder in folders}


def _all(cell: CellFrame) -> list[int]:
    """Return the steps at which the whole record was scored."""
    return sorted({
        round(cell.head["params"]["task"]["steps"] * (i + 1) / n) for n in [_points(cell)] for i in range(n)
    })


def _points(cell: CellFrame) -> int:
    settings = cell.head["params"]["task"]
    return min(settings["evaluations"], settings["steps"])


def _score(cell: CellFrame, metric: str, step: int) -> float:
    rows = cell.scores
    values = rows[(rows.step == step) & (rows.metric == metric)].value
    return float(values.mean()) if len(values) else np.nan


def _difference(mine: CellFrame, other: CellFrame, metric: str, step: int) -> float:
    """Return the mean difference over the seeds that both have."""
    if scored_of_both(mine, other) != step or metric not in other.head["metrics"]:
        return np.nan
    pair = [
        rows[(rows.step == step) & (rows.metric == metric)].set_index("seed").value
        for rows in (mine.scores, other.scores)
    ]
    return float((pair[0] - pair[1]).dropna().mean())


def _log(cell: CellFrame, log: str, step: int) -> float:
    rows = cell.curves
    return float(rows[rows.step == step][log].mean()) if rows is not None and log in rows else np.nan


def _rank(value: float, higher: bool | None) -> float:
    return np.inf if np.isnan(value) else -value if higher else value
