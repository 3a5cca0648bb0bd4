"""Published claims that one method does better than others, each with a verdict from paired differences.

The claims are data (`results/claims.csv`) and name the preset that holds their protocol: under another one a claim
is not judged.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import pandas as pd

from harness.errors import BenchError
from harness.report import statistics as st
from harness.report.frame import Cell, TaskFrame
from harness.report.words import NONE, Table, Text, decimals, interval

REPRODUCED, NOT, OPEN, NOT_RUN = "reproduced", "not reproduced", "inconclusive", "not run"


@dataclass(frozen=True)
class Claim:
    """`better` beats each of `than` on a metric.

    margin: in the metric's unit; a method counts as tied, which then is enough, while it is worse by less.
    published: the printed numbers and where they stand, for the reader. than: in the CSV, names with blanks between.
    """

    id: int
    claim: str
    published: str
    source: str
    preset: str
    task: str
    metric: str
    better: str
    than: list[str]
    higher_is_better: bool
    margin: float


def load(path: Path) -> list[Claim]:
    """The claims of a CSV; none without the file. Raises BenchError for another column than those of Claim."""
    if not path.is_file():
        return []
    rows = pd.read_csv(path)
    names = [field.name for field in fields(Claim)]
    if odd := set(rows.columns) ^ set(names):
        raise BenchError(f"{path}: column {min(odd)} is {'unknown' if min(odd) in rows else 'missing'}; the columns are {', '.join(names)}")
    return [Claim(**row | {"than": row["than"].split()}) for row in rows.to_dict("records")]


def table(claims: list[Claim], frames: dict[str, TaskFrame], preset: str, page: str = "") -> Table | None:
    """A row for each claim of this preset. page: where its tasks' sections lie, if not on this one."""
    own = [claim for claim in claims if claim.preset == preset and claim.task in frames]
    rows = [_row(claim, frames[claim.task], page) for claim in own]
    if not rows:
        return None
    head = ["claim", "published", "ours, difference [95\u00a0%]", "n", "P(better)", "verdict"]
    notes = [
        "A difference is taken on shared seeds, in the metric's unit, positive where the claim holds. Reproduced: the "
        "whole interval is on the claim's side (of the margin, where the claim allows a tie); not reproduced: all of it "
        "is on the other side; inconclusive: neither. Of several pairs all must hold, and one against is enough.",
        f"Published: {'; '.join(dict.fromkeys(claim.source for claim in own))}.",
    ]
    return Table("Published claims", head, rows, notes)


def verdict(low: float, high: float, margin: float = 0.0) -> str:
    """Of the interval of a difference that is positive where the claim holds."""
    if low > -margin:
        return REPRODUCED
    return NOT if high <= -margin else OPEN


def together(words: list[str]) -> str:
    """One verdict of several pairs."""
    return next((word for word in (NOT, NOT_RUN, OPEN) if word in words), REPRODUCED)


def _row(claim: Claim, frame: TaskFrame, page: str) -> list[Text]:
    better, others = frame.cell(claim.better), [(name, frame.cell(name)) for name in claim.than]
    parts = [_pair(claim, better, other) for _, other in others]
    titles = [other.title if other else name for name, other in others]
    run = [(f"{title}: " if len(parts) > 1 else "", part) for title, part in zip(titles, parts) if part[3] != NOT_RUN]
    column = ["; ".join(title + part[place] for title, part in run) or NONE for place in range(3)]
    if len({part[1] for _, part in run}) == 1:
        column[1] = run[0][1][1]  # one n for all pairs
    word = together([part[3] for part in parts])
    name = Text(f"{claim.id}. {claim.claim}", href=f"{page}#{frame.name}")
    return [name, Text(claim.published), *map(Text, column), Text(word, strong=word in (REPRODUCED, NOT))]


def _pair(claim: Claim, better: Cell | None, other: Cell | None) -> tuple[str, str, str, str]:
    """Difference, n, P(better) and verdict."""
    for cell in (better, other):
        if cell is None or not cell.record or claim.metric not in cell.record["metrics"]:
            return NONE, NONE, NONE, NOT_RUN
    sign = 1 if claim.higher_is_better else -1
    a, b = better.paired(other, claim.metric)
    found = st.paired_difference(sign * a, sign * b)
    shown = interval(found.mean, found.low, found.high, min(2, decimals([found.mean])))
    chance = st.improvement(a[None], b[None], claim.higher_is_better)
    return shown, str(found.n), f"{chance:.2f}", verdict(found.low, found.high, claim.margin)
