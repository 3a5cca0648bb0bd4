"""Make tables of judged claims: the first table of the page, which counts them by domain, and those of all claims."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from harness.report.claims.judge import (
    ELSEWHERE,
    MOST_SEEDS,
    NOT,
    NOT_RUN,
    OPEN,
    REPRODUCED,
    TESTED,
    UNCOUNTED,
    VERDICTS,
    Evidence,
    Judged,
    Part,
    measured_by,
)
from harness.report.stats.statistics import FEWEST_FOR_T
from harness.report.tables.entries import (
    LEVEL,
    MISSING,
    WAYS,
    Bar,
    Entry,
    Forest,
    Head,
    Listed,
    Table,
    Text,
    Typed,
    count,
)
from harness.report.tables.entries import Evidence as Plots
from harness.report.tables.spelling import TIED

FOR, AGAINST, EITHER = WAYS
POINTS = {REPRODUCED: FOR, NOT: AGAINST, OPEN: EITHER}
Address = Callable[[str, str], str]  # (preset, task) -> the address of its section


def domains(judged: list[Judged]) -> dict[str, list[Judged]]:
    """Group the claims by domain, in the order of the file."""
    found: dict[str, list[Judged]] = {}
    for one in judged:
        found.setdefault(one.claim.domain, []).append(one)
    return found


def counted(judged: Iterable[Judged]) -> list[Judged]:
    """Return the claims that are counted."""
    return [one for one in judged if one.word != UNCOUNTED]


def anchor(one: Judged) -> str:
    """Return the anchor of a claim on the page of all claims."""
    return f"claim-{one.claim.id}"


def first(judged: list[Judged]) -> Table | None:
    """Make a table with a row for each domain: how many of its claims have each verdict, and which.

    Returns None if there are no claims.
    """
    rows = []
    for domain, own in domains(judged).items():
        cells = []
        for word in VERDICTS:
            names = tuple((one.claim.id, f"topics/claims.html#{anchor(one)}") for one in own if one.word == word)
            cells.append(Listed(names, strong=word in (REPRODUCED, NOT)) if names else MISSING)
        rows.append([Text(domain), count(len(counted(own))), *cells])
    if not rows:
        return None
    total = [len(counted(judged)), *(sum(one.word == word for one in judged) for word in VERDICTS)]
    rows.append([Text("all", strong=True), *(count(each, strong=True) for each in total)])
    notes = [
        (
            "The numbers in brackets are those of the published claims; each links to its evidence. Inconclusive: it "
            "was run under the claim's protocol, and the interval is too wide. Not comparable: it was run only on "
            "other data or under another protocol. Not run: neither. Not counted: the source is quoted from memory or "
            "gives nothing to test."
        )
    ]
    return Table("What was reproduced", ["domain", "claims", *VERDICTS], rows, notes)


READING = (
    "Differences are paired by seed, in the metric's unit, positive if the claim holds, with a t interval; P is the "
    "chance that one run beats a run of the other method.\n\nThe shaded side of a small plot is the claim's side, the "
    "vertical line marks no difference (or the claim's bound), and a vertical dash marks the published difference. "
    "▲: the whole interval is on the claim's side; ▼: the whole interval is on the other side; ○: neither.\n\n"
    "Reproduced: every comparison is ▲; not reproduced: at least one is ▼; inconclusive: otherwise, and with fewer "
    f"than {FEWEST_FOR_T} runs or, for a log, with runs that failed. Intervals are not adjusted for "
    "the number of claims.\n\nThe columns of seeds give, for an open claim, how many would find the "
    "difference with 80 % power at the spread observed here, if the observed or the published difference were the "
    "true one."
)


def tables(judged: list[Judged], address: Address, preset: str = "") -> list[Table]:
    """Make a table each of the claims that were tested, tested elsewhere only, not run, and not counted.

    judged: all claims, judged by the records of every preset.
    address: (preset, task) -> the address of its section.
    preset: the preset to whose claims the tables are limited; '' for all.
    """
    own = [one for one in judged if not preset or any(t.preset == preset for t in one.claim.evidence)]
    groups = {
        "Claims: tested under their own protocol": TESTED,
        "Claims: tested only on other data or under another protocol": (ELSEWHERE,),
        "Claims: not run": (NOT_RUN,),
        "Claims: not counted": (UNCOUNTED,),
    }
    made = {title: [one for word in words for one in own if one.word == word] for title, words in groups.items()}
    return [_table(title, some, address) for title, some in made.items() if some]


def _table(title: str, judged: list[Judged], address: Address) -> Table:
    tested = judged[0].word in TESTED
    head: list[Head | str] = ["claim", "domain", "verdict", "points", Head("evidence: difference", LEVEL), "published"]
    more = ["remarks", "seeds for the observed difference", "seeds for the published difference"]
    head += more if tested else ["why"]
    rows = [_row(one, address, tested) for one in judged]
    return Table(title, head, rows, folded=judged[0].word in (NOT_RUN, UNCOUNTED))


def _row(one: Judged, address: Address, tested: bool) -> list[Entry]:
    runs = [(run, False) for run in one.parts] + [(run, True) for run in one.passing]
    row: list[Entry] = [
        Text(f"{one.claim.id}. {one.claim.claim}", anchor=anchor(one)),
        Text(one.claim.domain),
        Text(one.word, strong=one.word in (REPRODUCED, NOT)),
        Text(points(one.words)) if one.words else MISSING,
        Plots(tuple(_forest(run, address, passing) for run, passing in runs)) if runs else MISSING,
        Text(f"{one.claim.published} ({one.claim.source})"),
    ]
    if not tested:
        return [*row, Text(one.reason)]
    remarks = Text(f"Printed numbers: {one.claim.caution}") if one.claim.caution else MISSING
    return [*row, remarks, _seeds(one.needed, one.commands), _seeds(one.needed_published, [])]


def points(words: Iterable[str]) -> str:
    """Return which way the evidence points, at a glance: '▲ for', '▼ against', '▲▼ both ways' or '○ open'."""
    ways = {POINTS[word] for word in words}
    if {FOR, AGAINST} <= ways:
        return f"{WAYS[FOR]}{WAYS[AGAINST]} both ways"
    way = next(way for way in (FOR, AGAINST, EITHER) if way in ways)
    return f"{WAYS[way]} {way}" + (" or open" if len(ways) > 1 else "")


def _forest(run: Evidence, address: Address, passing: bool) -> Forest:
    test, frame, parts = run
    shown = [part for part in parts if part.word in TESTED]
    counts = sorted({part.n for part in shown})
    n = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0]}"
    where = f"{test.reading}, " if test.reading else "elsewhere, " if passing else ""
    of = next(cell for cell in frame.everything if cell.record and cell.name in test.cells)
    quantity = measured_by(of, test.metric or test.log)
    least, most = test.within
    bounds = (-math.inf if least is None else least, math.inf if most is None else most)
    return Forest(
        f"{where}{frame.title}, {quantity}",
        tuple(_bar(part, test.gap) for part in shown),
        (-test.margin, math.inf) if test.pairs else bounds,
        bool(test.pairs),
        address(test.preset, test.task),
        f" (n{TIED}{n})",
    )


def _bar(part: Part, gap: float | None) -> Bar:
    chance = f", P{TIED}{part.chance:.2f}" if np.isfinite(part.chance) else ""
    failed = f", {part.failed} failed" if part.failed else ""
    return Bar(part.name, part.found, POINTS[part.word], math.nan if gap is None else gap, chance + failed)


def _seeds(needed: int | None, commands: list[str]) -> Entry:
    """Return how many seeds are needed, with the commands that train the missing ones."""
    if needed is None:
        return MISSING
    if needed > MOST_SEEDS:
        return Text(f"> {MOST_SEEDS:,}")
    return Typed(f"{needed}", tuple(commands)) if commands else count(needed)
