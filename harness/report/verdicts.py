"""Judged claims -> the first table of the page, a count by domain, and the table of all claims."""

from __future__ import annotations

from collections.abc import Callable

from harness.report.judge import IN_PASSING, NOT, NOT_RUN, OPEN, REPRODUCED, VERDICTS, Judged, Part, shown
from harness.report.words import NONE, Table, Text

MOST_SEEDS = 1000  # beyond it the number says no more than that nobody will run them
Address = Callable[[str, str], str]  # (preset, task) -> where its section lies


def first(judged: list[Judged], href: str = "#claims") -> Table | None:
    """A row per domain: how many of its claims came out how, and which."""
    domains = list(dict.fromkeys(one.claim.domain for one in judged))
    rows = []
    for domain in domains:
        own = [one for one in judged if one.claim.domain == domain]
        cells = []
        for word in VERDICTS:
            ids = [one.claim.id for one in own if one.word == word]
            cells.append(Text(f"{len(ids)} ({', '.join(ids)})" if ids else NONE, strong=bool(ids) and word in (REPRODUCED, NOT)))
        rows.append([Text(domain, href=href), Text(str(len(own))), *cells])
    if not rows:
        return None
    total = [str(sum(one.word == word for one in judged)) for word in VERDICTS]
    rows.append([Text("all", strong=True), Text(str(len(judged)), strong=True), *(Text(count, strong=True) for count in total)])
    notes = [
        "Numbers of the published claims in brackets; each stands with its evidence in the table of claims. Inconclusive: run "
        "under the claim's protocol, and the interval is too wide. Not comparable: run on other data or under another protocol "
        "only. Not run: neither."
    ]
    return Table("What was reproduced", ["domain", "claims", *VERDICTS], rows, notes)


def table(judged: list[Judged], address: Address, preset: str = "") -> Table | None:
    """A row per claim; of one preset, only those with evidence in it."""
    own = [one for one in judged if not preset or any(test.preset == preset for test in one.claim.evidence)]
    rows = [_row(one, address) for one in own]
    if not rows:
        return None
    head = ["claim", "published", "evidence, difference [95\u00a0%]", "n", "P(better)", "verdict", "why", "seeds it would take"]
    notes = [
        "Differences are paired by seed, in the metric's unit, positive where the claim holds, with a t interval. Reproduced: "
        "the whole interval is on the claim's side (of the margin, where the claim allows a tie); not reproduced: all of it is "
        "on the other side; inconclusive: neither. Of several comparisons all must hold, and one against is enough. Intervals "
        "are not adjusted for the number of claims.",
        "Records of other data or protocols are named elsewhere and give no verdict. Seeds it would take: to find "
        "the published difference (the observed one where none is printed) with 80 % power at the spread observed here.",
        f"Published: {'; '.join(dict.fromkeys(one.claim.source for one in own))}.",
    ]
    return Table("Published claims", head, rows, notes)


def _row(one: Judged, address: Address) -> list[Text]:
    runs = [*((test, frame, parts, "") for test, frame, parts in one.parts),
            *((test, frame, parts, "elsewhere, ") for test, frame, parts in one.passing)]  # fmt: skip
    words = [before + shown(test, frame, parts, _passing if before else _nothing) for test, frame, parts, before in runs]
    links = dict.fromkeys((frame.title, address(test.preset, test.task)) for test, frame, *_ in runs)
    parts = [part for *_, found in one.parts for part in found if part.word != NOT_RUN]
    counts = sorted({part.n for part in parts})
    chances = [f"{part.chance:.2f}" for part in parts if part.chance == part.chance]
    name = Text(f"{one.claim.id}. {one.claim.claim}", more=tuple(links))
    return [
        name, Text(one.claim.published), Text("; ".join(words) or NONE),
        Text(f"{counts[0]}–{counts[-1]}" if len(counts) > 1 else str(counts[0]) if counts else NONE),
        Text("; ".join(chances) if 0 < len(chances) <= 3 else NONE),
        Text(one.word, strong=one.word in (REPRODUCED, NOT)), Text(one.reason),
        Text(_seeds(one.needed) if one.word == OPEN and one.needed else NONE),
    ]  # fmt: skip


def _passing(part: Part) -> str:
    return f"({IN_PASSING[part.word]})" if part.word in IN_PASSING else ""


def _nothing(part: Part) -> str:
    return ""


def _seeds(needed: int) -> str:
    return str(needed) if needed <= MOST_SEEDS else f"> {MOST_SEEDS:,}"
