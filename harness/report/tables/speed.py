"""Make tables of the measured speeds: ours, what it is compared with, their ratio within each pair, and the aim."""

from __future__ import annotations

import csv
from itertools import chain
from pathlib import Path
from statistics import mean
from typing import Any

from harness.errors import BenchError
from harness.report.records.measured import Record, load_measured, met, stated, summary
from harness.report.tables.entries import MISSING, Entry, Head, Link, Source, Table, Text, count, fixed
from harness.report.tables.spelling import TIED, decimals

RANGE = "least, most"
SIDES = {"at_most": "≤", "at_least": "≥"}
TRIED = ("work", "change", "was", "became", "unit", "kept")


def tables(folder: Path, link: Link) -> list[Table]:
    """Return the tables of this part that have something to show."""
    further = returns(folder, link), tried(folder / "tried.csv")
    return speeds(folder, link) + [one for one in further if one is not None]


def speeds(folder: Path, link: Link) -> list[Table]:
    """Make a table for each processor, as speeds on different ones are not comparable; that with most rows first."""
    measured: dict[str, list[Record]] = {}
    for record in load_measured(folder):
        measured.setdefault(record["machine"]["processor"], []).append(record)
    ordered = sorted(measured.items(), key=lambda one: -sum(len(record["rows"]) for record in one[1]))
    return [_speeds(processor, records, folder, link) for processor, records in ordered]


def _speeds(processor: str, records: list[Record], folder: Path, link: Link) -> Table:
    """Make the table of one processor, with a row for each quantity."""
    body = [_row(record, row, _source(record, folder, link)) for record in records for row in record["rows"]]
    head: list[Head | str] = [
        "benchmark",
        "measured",
        "beside",
        "unit",
        Head("ours", RANGE),
        Head("theirs", RANGE),
        Head("ours / theirs", RANGE),
        "pairs",
        "aim",
        "record",
    ]
    return Table(f"Speed on {processor}: ours beside others, medians over pairs", head, body, _notes(records))


def returns(folder: Path, link: Link) -> Table | None:
    """Make a table of the returns of final policies, ours and a peer's, if they were scored; None without a record."""
    body = []
    for record in load_measured(folder):
        scored = record["settings"].get("returns", {})
        sides = {
            "theirs": [mean(run) for run in scored.get("theirs", [])],
            "one": list(chain(*scored.get("one", []))),
            "stack": list(chain(*scored.get("stack", []))),
        }
        if not sides["theirs"]:
            continue
        shown = [
            _range(summary(found), len(found), note=f"{len(found)} runs") if found else MISSING
            for found in sides.values()
        ]
        peer = f"{record['peer']['name']} {record['peer']['version']}"
        body.append([Text(record["title"]), Text(peer), *shown, _source(record, folder, link)])
    head: list[Head | str] = [
        "benchmark",
        "peer",
        Head("theirs", RANGE),
        Head("ours, one seed", RANGE),
        Head("ours, in stacks", RANGE),
        "record",
    ]
    note = (
        "Medians over runs. Policies draw their actions; episodes end where Gymnasium ends them. "
        "The settings are equal."
    )
    return Table("Return at equal steps", head, body, [note]) if body else None


def tried(path: Path) -> Table | None:
    """Make a table of changes that were tried for speed and the gain of each, from a CSV; None without the file."""
    if not path.is_file():
        return None
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows or any(tuple(row) != TRIED or None in row.values() for row in rows):
        raise BenchError(f"{path}: its columns must be {', '.join(TRIED)}, with a value in every row")
    head: list[Head | str] = ["work", "change", "before", "after", "unit", "kept"]
    body = [[Text(row[name]) for name in TRIED] for row in rows]
    return Table("What was tried for speed", head, body, ["One change at a time, before and after it in one run."])


def _row(record: Record, row: dict[str, Any], source: Source) -> list[Entry]:
    return [
        Text(record["title"] + " (quick)" * record["quick"]),
        Text(row["name"]),
        _beside(record, row),
        Text(row["unit"]),
        *(_range(row[name], len(row["pairs"]), stated(row, name)) for name in ("ours", "theirs", "ratio")),
        count(len(row["pairs"])),
        _aim(row),
        source,
    ]


def _beside(record: Record, row: dict[str, Any]) -> Entry:
    """Return what ours is compared with, such as 'one seed of the peer (imitation 1.0.1)'."""
    peer, against = record["peer"], row["against"]
    if not against:
        return MISSING
    if not peer:
        return Text(against)
    name = f"{peer['name']} {peer['version']}"
    return Text(name if against == peer["name"] else f"{against} ({name})")


def _range(found: dict[str, float] | None, values: int, aim: float | None = None, note: str = "") -> Entry:
    """Return the median with its range, which a single value does not have.

    It has one more digit if it would round to the value of the aim, so that readers see whether the aim is met.
    """
    if found is None:
        return MISSING
    median, digits = found["median"], decimals([found["median"]])
    close = aim is not None and round(median, digits) == aim != median
    ends = (found["least"], found["most"]) if values > 1 else ()
    return fixed(median, digits + close, *ends, note=note)


def _source(record: Record, folder: Path, link: Link) -> Source:
    return Source((("record", link(folder / f"{record['benchmark']}.json")),))


def _aim(row: dict[str, Any]) -> Entry:
    if (aim := row["aim"]) is None:
        return MISSING
    side = next(side for side in SIDES if side in aim)
    reached = met(row)
    return Text(f"{SIDES[side]}{TIED}{aim[side]:g}: {'met' if reached else 'missed'}", strong=not reached)


def _notes(records: list[Record]) -> list[str]:
    """Say which benchmark was run where, with one line for each set-up and commit."""
    places: dict[str, list[str]] = {}
    for record in records:
        machine = record["machine"]
        where = f"threads: {machine['threads']}, torch {machine['torch']}"
        places.setdefault(f"{where}, commit {(record['commit'] or 'unknown')[:7]}", []).append(record["benchmark"])
    notes = [f"{', '.join(names)}: {where}." for where, names in places.items()]
    late = [r["benchmark"] for r in records if not all(chain(*r["settings"].get("arrived", {}).values()))]
    notes += [
        f"{', '.join(late)}: a side that missed the target counts with the time that it had, a bound in its favour."
    ] * bool(late)
    scaled = [(r["benchmark"], r["settings"]) for r in records if "scaled to" in r["settings"]]
    words = [f"{name}: {settings['images']} images, scaled to {settings['scaled to']:,}" for name, settings in scaled]
    return notes + [f"{'; '.join(words)}."] * bool(words)
