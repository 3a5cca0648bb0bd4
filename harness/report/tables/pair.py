"""Compare two methods side by side: a row for each metric, and what the comparison can tell."""

from __future__ import annotations

import numpy as np
import pandas as pd

from harness.ranges import span
from harness.report.records.aggregate import seeds_needed
from harness.report.records.frame import CellFrame, TaskFrame, read
from harness.report.records.more import command
from harness.report.stats.significance import EXACT_FLIPS, FEWEST_FOR_TEST
from harness.report.stats.statistics import FEWEST_FOR_INTERVAL
from harness.report.tables.entries import LEVEL, MISSING, Head, Number, Table, Text, fixed
from harness.report.tables.formats import MANY
from harness.report.tables.notes import manifests
from harness.report.tables.spelling import RHO, aimed, decimals
from harness.report.tables.summary import chance, difference, nominal, score, separation


def comparison(frame: TaskFrame, summary: pd.DataFrame, gap: float | None = None) -> Table:
    """Make a table with a row for each metric: both methods, and the first minus the second on the shared seeds.

    gap: the published difference on the headline metric; None if none was printed.
    """
    a, b = frame.cells
    rows = summary.set_index(["cell", "metric"])
    body = []
    for metric, block in frame.metrics.items():
        if (a.name, metric) not in rows.index or (b.name, metric) not in rows.index:
            continue
        one, other = rows.loc[(a.name, metric)], rows.loc[(b.name, metric)]
        digits, fine = decimals([one.value, other.value]), decimals([one.difference])
        headline = metric == frame.headline
        body.append([
            Text(aimed(block), strong=headline),
            score(one, digits),
            score(other, digits),
            difference(one, fine),
            fixed(one.rho, 2) if one.pairs >= FEWEST_FOR_INTERVAL else MISSING,
            chance(one),
            Number(one.p_holm, ".3g"),
            separation(one, block["higher_is_better"]) if headline else MISSING,
        ])
    head: list[Head | str] = ["metric"]
    head += [Head(cell.name, nominal(pd.Series([cell.n]))) for cell in (a, b)] + [Head("difference", LEVEL)]
    head += ["ρ", Head("P(better)", LEVEL), "p", "verdict"]
    return Table(f"{frame.name}: {a.name} against {b.name}", head, body, _notes(frame, summary, gap))


def _notes(frame: TaskFrame, summary: pd.DataFrame, gap: float | None) -> list[str]:
    a, b = frame.cells
    first = summary[(summary.cell == a.name) & (summary.metric == frame.headline)].iloc[0]
    shared = span(set(a.seeds) & set(b.seeds))
    what = "learnt rewards (the re-trainings of each are averaged)" if a.rewards else f"seeds {shared}"
    intervals = "IQM with bootstrap interval, mean difference with paired t interval"
    notes = [f"Paired over {first.pairs:.0f} {what}; {intervals}. {RHO}"]
    if np.isfinite(first.p_holm):
        exact = "exact " if 2**first.pairs <= EXACT_FLIPS else ""
        notes.append(
            f"p: {exact}sign-flip test of this one comparison; if you tried "
            "several, adjust it, as the report's tables do."
        )
    elif frame.metrics[frame.scored_by]["higher_is_better"] is None:
        notes.append("No p: the metric has no better side.")
    else:
        notes.append(f"No p: the sign-flip test needs at least {FEWEST_FOR_TEST} runs, got {first.pairs:.0f}.")
    if np.isfinite(first.seeds_needed) and first.pairs >= FEWEST_FOR_INTERVAL:  # of fewer a guess
        notes.append(_seeds(frame, first))
    if gap is not None and np.isfinite(needed := seeds_needed(frame, first, 1, gap)):
        notes.append(f"{needed:.0f} would find the published difference, {gap:g}, at the spread observed here.")
    notes += [f"{cell.name}: {cell.status}" for cell in (a, b) if cell.failures]
    notes += [f"{cell.name}: recorded by {cell.commit}" for cell in (a, b) if cell.commit]
    return notes + manifests(frame, frame.metrics)


def _seeds(frame: TaskFrame, row: pd.Series) -> str:
    """Say how many seeds this comparison needs by itself, as claims are judged, and within the family of the table.

    The line ends in the command that trains the seeds missing to the first number.
    """
    words = f"{row.seeds_needed:.0f} seeds would find the observed difference with 80 % power if it were the true one"
    family = _family(frame)
    if family > 1:
        needed = seeds_needed(frame, row, family)
        words += f"; {needed:.0f} in the report's table, which adjusts for all {family} methods beside the baseline"
    more = command(frame, [cell.name for cell in frame.cells], row.seeds_needed)
    return f"{words}: {more}" if more and row.seeds_needed <= MANY else f"{words}."


def _family(frame: TaskFrame) -> int:
    """Return how many methods the report compares with the task's baseline, by the records beside these two."""
    a = frame.cells[0]
    assert a.folder is not None, f"{a} has not run"
    names = sorted(path.parent.name for path in a.folder.parent.glob("*/record.json"))
    records = [read(a.folder.parents[1], CellFrame(frame.name, name, name, name)).head for name in names]
    of_preset = [record for record in records if record["preset"] == a.head["preset"] and not record.get("ablation")]
    return sum(frame.headline in record["metrics"] for record in of_preset) - 1
