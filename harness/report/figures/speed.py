"""The measured speeds as a table and one figure: ours, what stands beside it, their ratio within each pair, and the aim."""

from __future__ import annotations

import csv
from pathlib import Path
from statistics import mean
from typing import Any

from harness.errors import BenchError
from harness.report.figures.style import COLOURS, REFERENCE, Plot, figure, svg, theme
from harness.report.records.measured import COMMAND, Record, cost, load, met, summary
from harness.report.tables.words import NONE, TIED, Link, Table, Text, decimals, interval

INTRO = (
    "The same work done by this project and by another, one after the other in one session on one machine; and what a cell costs "
    f"to start, to hold and to leave alone. Made by `{COMMAND}`."
)
SIDES = {"at_most": "≤", "at_least": "≥"}
TRIED = ("work", "change", "was", "became", "unit", "kept")


def tables(folder: Path, link: Link) -> list[Table]:
    """Those of this part that have something to show."""
    made = table(folder, link), returns(folder, link), tried(folder / "tried.csv")
    return [one for one in made if one is not None]


def table(folder: Path, link: Link) -> Table | None:
    """One row for each quantity; none without a record."""
    records = load(folder)
    if not records:
        return None
    body = []
    for record in records:
        for row in record["rows"]:
            body.append([
                Text(record["title"] + " (quick)" * record["quick"]),
                Text(row["name"]),
                Text(_beside(record, row)),
                Text(row["unit"]),
                *(Text(_range(row[name], _stated(row, name))) for name in ("ours", "theirs", "ratio")),
                Text(str(len(row["pairs"]))),
                _aim(row),
                Text("record", link(folder / f"{record['benchmark']}.json")),
            ])
    head = [
        "benchmark",
        "measured",
        "beside",
        "unit",
        "ours [least, most]",
        "theirs [least, most]",
        "ours / theirs [least, most]",
        "pairs",
        "aim",
        "record",
    ]
    return Table("Speed: ours beside others, medians over pairs", head, body, _notes(records))


def returns(folder: Path, link: Link) -> Table | None:
    """What the final policies of the runs beside a peer got, where they were scored; none without such a record."""
    body = []
    for record in load(folder):
        scored = record["settings"].get("returns", {})
        sides = {
            "theirs": [mean(run) for run in scored.get("theirs", [])],
            "one": sum(scored.get("one", []), []),
            "stack": sum(scored.get("stack", []), []),
        }
        if not sides["theirs"]:
            continue
        shown = [Text(_range(summary(found)) + f", {len(found)} runs" if found else NONE) for found in sides.values()]
        peer = f"{record['peer']['name']} {record['peer']['version']}"
        address = link(folder / f"{record['benchmark']}.json")
        body.append([Text(record["title"]), Text(peer), *shown, Text("record", address)])
    head = [
        "benchmark",
        "peer",
        "theirs [least, most]",
        "ours, one seed [least, most]",
        "ours, in stacks [least, most]",
        "record",
    ]
    note = "Medians over runs. Policies draw their actions; episodes end where Gymnasium ends them. The settings are equal."
    return Table("Return at equal steps", head, body, [note]) if body else None


def tried(path: Path) -> Table | None:
    """Changes made for speed one at a time and what each gave, from a CSV; none without the file."""
    if not path.is_file():
        return None
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows or any(tuple(row) != TRIED or None in row.values() for row in rows):
        raise BenchError(f"{path}: its columns are not {', '.join(TRIED)}, each filled")
    head = ["work", "change", "before", "after", "unit", "kept"]
    body = [[Text(row[name]) for name in TRIED] for row in rows]
    return Table("What was tried for speed", head, body, ["One change at a time, before and after in one run."])


def draw(folder: Path) -> list[Plot]:
    """Times ours to theirs, a dot with its range for each compared quantity; none without one."""
    rows = [(record, row) for record in load(folder) for row in record["rows"] if row["ratio"]]
    if not rows:
        return []
    with theme():
        fig = figure(0.9 + 0.27 * len(rows))
        ax = fig.subplots()
        for place, (_, row) in enumerate(rows):
            found, shade = cost(row), COLOURS[1] if met(row) is False else COLOURS[0]
            ax.plot([found["least"], found["most"]], [place, place], color=shade, lw=2.2)
            ax.plot(found["median"], place, ls="", marker="o", color=shade)
            if (bound := _bound(row)) is not None:
                ax.plot(bound, place, ls="", marker="|", ms=13, mew=2, color=REFERENCE)
        ax.axvline(1.0, color=REFERENCE, ls="--", lw=1.2)
        ax.set_xscale("log")
        ends = [value for _, row in rows for value in (*cost(row).values(), _bound(row) or 1.0)]
        ax.set_xlim(min(ends) / 1.25, max(ends) * 1.25)
        ticks = [
            tick for tick in (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if min(ends) / 1.25 <= tick <= max(ends) * 1.25
        ]
        ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        ax.minorticks_off()
        ax.set_yticks(range(len(rows)), [f"{record['title']}: {row['name']}" for record, row in rows])
        ax.set_ylim(len(rows) - 0.4, -0.6)
        ax.grid(axis="y", visible=False)
        ax.set_xlabel("time ours / theirs (below 1: faster)")
        drawn = svg(fig)
    return [
        Plot(
            "speed",
            "Speed: time beside others",
            "Median and range of the ratio within pairs; throughputs as times. Upright bar: the aim, "
            "where the project states one. Orange: the median misses it. Five seeds against one do five times the work.",
            f"Time ratios of {len(rows)} comparisons with their ranges and aims.",
            drawn,
        )
    ]


def _beside(record: Record, row: dict[str, Any]) -> str:
    """'one seed of the peer (imitation 1.0.1)'."""
    peer, against = record["peer"], row["against"]
    if not against:
        return NONE
    return f"{against} ({peer['name']} {peer['version']})" if peer else against


def _range(found: dict[str, float] | None, stated: float | None = None) -> str:
    """With a digit more where the median would round to the value that an aim states, and miss or meet it unseen."""
    if found is None:
        return NONE
    median, digits = found["median"], decimals([found["median"]])
    close = stated is not None and round(median, digits) == stated != median
    return interval(median, found["least"], found["most"], digits + close)


def _stated(row: dict[str, Any], name: str) -> float | None:
    """The value that the aim of a row gives to this quantity."""
    aim = row["aim"]
    return aim.get("at_most", aim.get("at_least")) if aim is not None and aim["of"] == name else None


def _aim(row: dict[str, Any]) -> Text:
    if (aim := row["aim"]) is None:
        return Text(NONE)
    side = next(side for side in SIDES if side in aim)
    reached = met(row)
    return Text(f"{SIDES[side]}{TIED}{aim[side]:g}: {'met' if reached else 'missed'}", strong=not reached)


def _bound(row: dict[str, Any]) -> float | None:
    """The aim of a ratio, as one of times."""
    value = _stated(row, "ratio")
    return 1 / value if value is not None and row["higher_is_better"] else value


def _notes(records: list[Record]) -> list[str]:
    """What was run on what, in as few lines as there are machines and commits."""
    places: dict[str, list[str]] = {}
    for record in records:
        machine = record["machine"]
        where = f"{machine['processor']}, threads: {machine['threads']}, torch {machine['torch']}"
        places.setdefault(f"{where}, commit {(record['commit'] or 'unknown')[:7]}", []).append(record["benchmark"])
    notes = [f"{', '.join(names)}: {where}." for where, names in places.items()]
    late = [r["benchmark"] for r in records if not all(sum(r["settings"].get("arrived", {}).values(), []))]
    notes += [
        f"{', '.join(late)}: a side that did not arrive counts with the time it had, a bound in its favour."
    ] * bool(late)
    scaled = [(r["benchmark"], r["settings"]) for r in records if "scaled to" in r["settings"]]
    words = [f"{name}: {settings['images']} images, scaled to {settings['scaled to']:,}" for name, settings in scaled]
    return notes + [f"{'; '.join(words)}."] * bool(words)
