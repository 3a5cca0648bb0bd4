"""Judged claims -> the first table of the page, a count by domain, and the table of all claims."""

from __future__ import annotations

import re
from collections.abc import Callable

from harness.report.claims.judge import MOST_SEEDS, NOT, OPEN, REPRODUCED, VERDICTS, Judged, shown
from harness.report.tables.entries import LEVEL, MISSING, Entry, Head, Table, Text, Typed, count

Address = Callable[[str, str], str]  # (preset, task) -> where its section lies


def domains(judged: list[Judged]) -> dict[str, list[Judged]]:
    """The claims of each domain, in the order of the file."""
    found: dict[str, list[Judged]] = {}
    for one in judged:
        found.setdefault(one.claim.domain, []).append(one)
    return found


def anchor(domain: str) -> str:
    """Where a domain's claims stand on the page."""
    return f"claims-{re.sub('[^a-z0-9]+', '-', domain.lower())}"


def first(judged: list[Judged]) -> Table | None:
    """A row per domain: how many of its claims came out how, and which."""
    rows = []
    for domain, own in domains(judged).items():
        cells = []
        for word in VERDICTS:
            ids = [one.claim.id for one in own if one.word == word]
            counted = count(len(ids), note=", ".join(ids), strong=word in (REPRODUCED, NOT))
            cells.append(counted if ids else MISSING)
        rows.append([Text(domain, href=f"topics/claims.html#{anchor(domain)}"), count(len(own)), *cells])
    if not rows:
        return None
    total = [len(judged), *(sum(one.word == word for one in judged) for word in VERDICTS)]
    rows.append([Text("all", strong=True), *(count(each, strong=True) for each in total)])
    notes = [
        (
            "Numbers of the published claims in brackets; each stands with its evidence in the table of claims. "
            "Inconclusive: run under the claim's protocol, and the interval is too wide. Not comparable: run on other "
            "data or under another protocol only. Not run: neither."
        )
    ]
    return Table("What was reproduced", ["domain", "claims", *VERDICTS], rows, notes)


def table(judged: list[Judged], domain: str, address: Address, preset: str = "") -> Table | None:
    """A row per claim of a domain; of one preset, only those with evidence in it."""
    own = [
        one
        for one in domains(judged).get(domain, [])
        if not preset or any(t.preset == preset for t in one.claim.evidence)
    ]
    if not own:
        return None
    head: list[Head | str] = [
        "claim",
        "verdict",
        Head("evidence: difference", LEVEL),
        "why",
        "seeds it would take",
        "published",
    ]
    return Table(f"Claims: {domain}", head, [_row(one, address) for one in own])


READING = (
    "Differences are paired by seed, in the metric's unit, positive where the claim holds, with a t interval; P is "
    "the chance that one run beats one of the other method. Reproduced: the whole interval is on the claim's side "
    "(of the margin, where the claim allows a tie); not reproduced: all of it is on the other side; inconclusive: "
    "neither. Of several comparisons all must hold, and one against is enough. Intervals are not adjusted for the "
    "number of claims. What other data or protocols say is marked 'elsewhere' and gives no verdict. Seeds it would "
    "take: to find the published difference (the observed one where none is printed) with 80 % power at the spread "
    "observed here."
)


def _row(one: Judged, address: Address) -> list[Entry]:
    runs = [(run, False) for run in one.parts] + [(run, True) for run in one.passing]
    words = [("elsewhere, " if passing else "") + shown(*run, passing) for run, passing in runs]
    links = dict.fromkeys((frame.title, address(test.preset, test.task)) for (test, frame, _), _ in runs)
    published = f"{one.claim.published} ({one.claim.source})"
    return [
        Text(f"{one.claim.id}. {one.claim.claim}"),
        Text(one.word, strong=one.word in (REPRODUCED, NOT)),
        Text("; ".join(words), links=tuple(links)) if words else MISSING,
        Text(one.reason),
        _seeds(one.needed, one.commands) if one.word == OPEN and one.needed else MISSING,
        Text(published),
    ]


def _seeds(needed: int, commands: list[str]) -> Entry:
    """How many, and what trains those that lack."""
    if needed > MOST_SEEDS:
        return Text(f"> {MOST_SEEDS:,}")
    return Typed(f"{needed}", tuple(commands)) if commands else count(needed)
