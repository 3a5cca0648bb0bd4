"""Show a task's methods in one view: the rank of each on every metric, how these disagree, and what one run costs."""

from __future__ import annotations

import math
from statistics import correlation  # by exact sums; the last digit of pandas' depends on the processor

import pandas as pd

from harness.report.records.cost import cost, device
from harness.report.records.frame import TaskFrame
from harness.report.tables import summary
from harness.report.tables.entries import MISSING, Head, Number, Table, Text, count, fixed, title
from harness.report.tables.spelling import decimals, labelled

CORRELATION = "rank correlation with the score"


def table(frame: TaskFrame, found: pd.DataFrame) -> Table | None:
    """Make the table, best method first: score, rank by every other metric, and the cost of one run.

    Returns None if fewer than two methods have run.
    """
    ranked = summary.ranking(frame, found)
    if len(ranked) < 2:
        return None
    places = ranks(frame, found)
    digits = decimals(ranked.value)
    body = []
    for place, row in enumerate(ranked.itertuples()):
        cell = frame.known(row.cell)
        spent = cost(cell)
        body.append([
            title(cell, summary.mark(cell)),
            fixed(row.value, digits, strong=place == 0),
            *(_place(places.loc[row.cell, metric]) for metric in places.columns[1:]),
            count(int(spent.updates)),
            count(int(spent.critic_batches)) if math.isfinite(spent.critic_batches) else MISSING,
            Number(spent.core_seconds, "#.2g" if spent.core_seconds < 10 else ".0f"),
        ])
    if len(places.columns) > 1:
        same = [fixed(_correlation(first(places), places[metric]), 2) for metric in places.columns[1:]]
        body.append([Text(CORRELATION), fixed(1, 2), *same, *[MISSING] * 3])
    blocks = [frame.metrics[metric] for metric in places.columns]
    head: list[Head | str] = ["method", Head(labelled(blocks[0]), up=blocks[0]["higher_is_better"])]
    head += [f"rank by {labelled(block)}" for block in blocks[1:]]
    head += ["updates", "critic batches", "core-seconds"]
    many = "ranks by every metric, and cost" if len(places.columns) > 1 else "cost beside score"
    return Table(f"{frame.title}: {many}", head, body, _notes(frame, places))


def ranks(frame: TaskFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Rank the methods with a score on each metric with a direction, the headline first; 1 is best, ties share a rank.

    Other metrics are included only if every such method has them and they rank differently from the headline.
    """
    rows = found[found.ablation == ""]
    columns = {}
    for metric in dict.fromkeys([frame.scored_by, *frame.metrics]):
        own = rows[rows.metric == metric].set_index("cell").value
        up = frame.metrics[metric]["higher_is_better"]
        if up is not None and (metric == frame.scored_by or own.nunique() > 1):
            columns[metric] = own.rank(ascending=not up)
    places = pd.DataFrame(columns).dropna(subset=[frame.scored_by]).dropna(axis=1)
    return places[
        [metric for metric in places if metric == frame.scored_by or not places[metric].equals(first(places))]
    ]


def first(places: pd.DataFrame) -> pd.Series:
    """Return the ranks by the headline metric."""
    return places.iloc[:, 0]


def _correlation(one: pd.Series, other: pd.Series) -> float:
    """Return Spearman's correlation of two columns of ranks; NaN if all methods are tied in one of them."""
    return correlation(one, other) if min(one.nunique(), other.nunique()) > 1 else math.nan


def disagreeing(places: pd.DataFrame) -> int:
    """Count the further metrics that do not have the headline's best method first."""
    best = first(places).idxmin()
    return sum(places.loc[best, metric] > places[metric].min() for metric in places.columns[1:])


def _place(rank: float) -> Number:
    return Number(rank, "g", strong=rank == 1)


def _notes(frame: TaskFrame, places: pd.DataFrame) -> list[str]:
    notes = []
    if others := len(places.columns) - 1:
        notes.append(
            f"Metrics that rank differently from the score: {others}, of which {disagreeing(places)} put another "
            "method first. Ranks are those of interquartile means, and 1 is best; methods of neighbouring ranks are "
            "often not separable, as the intervals show. The correlation is Spearman's."
        )
    notes.append(
        "Cost of one run: updates are steps of the training loop; core-seconds are those of training, from the "
        f"provenance, divided by the seeds trained together{_processors(frame)}."
    )
    return summary.marked(frame) + notes


def _processors(frame: TaskFrame) -> str:
    """Return ' (the processor)'; of several, all but the most frequent are named with their methods."""
    cells: dict[str, list[str]] = {}
    for cell in frame.cells:
        if cell.record and device(cell):
            cells.setdefault(device(cell), []).append(cell.title)
    if not cells:
        return ""
    usual, *others = sorted(cells, key=lambda name: (-len(cells[name]), name))
    if not others:
        return f" ({usual})"
    named = "; ".join(f"{name}: {', '.join(cells[name])}" for name in others)
    return f" (on {usual}, but on {named}; seconds of different processors do not compare)"
