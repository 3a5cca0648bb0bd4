"""Make the sections of a page: one for each task below its family, and those before and after them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.ranges import span
from harness.report.claims import published, verdicts
from harness.report.claims.judge import Judged
from harness.report.figures import forest, motion
from harness.report.figures import robots as robots_figure
from harness.report.figures import speed as speed_figure
from harness.report.figures.drawings import Drawings, digest
from harness.report.figures.films import Film, films
from harness.report.figures.sheets import Sheet, grid, sheets
from harness.report.figures.style import Plot, Style
from harness.report.page import method_pages, wording
from harness.report.page.families import words
from harness.report.page.read import Beside, Preset
from harness.report.records.frame import CellFrame, TaskFrame
from harness.report.records.robots import common
from harness.report.records.robots import robots as on_robots
from harness.report.records.twins import Effect
from harness.report.tables import checkpoints, gaussians, mazes, motions, ranks, robots, speed, support, twins
from harness.report.tables import siege as attacks
from harness.report.tables.ablation import ablation
from harness.report.tables.constraints import constraints
from harness.report.tables.entries import Code, Link, Table, Text
from harness.report.tables.overview import overview
from harness.report.tables.scores import comparison, further
from harness.report.tables.summary import sorted_cells
from harness.report.tables.variance import table as variance

EVERY = "every-preset"  # begins the names under which figures of several presets are kept


@dataclass(frozen=True)
class Section:
    """One part of the page, with its anchor, words, tables, figures, sheets, films, and the parts one level below.

    inside: figures of a single method each, which are on the methods' pages.
    grid: the sheets whose first samples are shown one below another, best method first.
    """

    anchor: str
    title: str
    intro: str
    links: list[tuple[str, str]] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    plots: list[Plot] = field(default_factory=list)
    sheets: list[Sheet] = field(default_factory=list)
    films: list[Film] = field(default_factory=list)
    parts: list[Section] = field(default_factory=list)
    inside: list[Plot] = field(default_factory=list)
    grid: list[Sheet] = field(default_factory=list)


def families(
    root: Path, preset: Preset, beside: Beside, plots: dict[str, list[Plot]], link: Link, archived: bool
) -> list[Section]:
    """Return the sections of a preset's tasks, below the heading of their family.

    root: the project's folder.
    preset: the preset.
    beside: what its records are compared with.
    plots: the figures by task.
    link: a file of the project -> its address.
    archived: whether the preset's records are archived.
    """
    found: dict[str, list[Section]] = {}
    for name, frame in preset.frames.items():
        made = _tables(preset, frame, link)
        made[1:1] = beside.tables(preset, frame, link, archived)
        tables = [table.led(method_pages.FOLDER) for table in made if table]
        files = {"data: sizes and hashes": root / f"results/data/{name}.json"}
        if not archived:
            files["every number at full precision"] = root / f"results/summary/{name}.csv"
        links = [(said, link(path)) for said, path in files.items() if path.is_file()]
        order = sorted_cells(frame, preset.summaries[name])
        found.setdefault(frame.family, []).append(_task(frame, preset.frames, links, tables, plots[name], order))
    return [_family(name, parts) for name, parts in found.items()]


def claims(judged: list[Judged], address: verdicts.Address, preset: str = "") -> list[Section]:
    """Return the section of claims, with a table for each kind of verdict.

    preset: the preset to whose claims it is limited; '' for all.
    """
    made = verdicts.tables(judged, address, preset)
    return [Section("claims", "Claims", wording.CLAIMS, tables=made)] if made else []


def bottleneck(found: list[Effect], few: list[Effect], address: verdicts.Address, drawn: Drawings) -> list[Section]:
    """Return the section that compares methods with the bottleneck and their twins; nothing without such a pair.

    few: the comparisons of three or four runs, which have a table of their own.
    """
    plots = compared(found, "bottleneck", "What the bottleneck adds in every comparison", drawn)
    if not plots:
        return []
    tables = [twins.table(found, address)]
    if few:
        tables.append(twins.table(few, address, "Comparisons of three or four runs"))
    return [Section("bottleneck", "Bottleneck", wording.BOTTLENECK, tables=tables, plots=plots)]


def compared(found: list[Effect], name: str, title: str, drawn: Drawings) -> list[Plot]:
    """Return the forest plot of the comparisons, or nothing without one; arguments are those of `forest.draw`."""
    shown = (name, title, list(zip(forest.labels(found), ((e.difference, e.low, e.high) for e in found), strict=True)))

    def draw() -> list[Plot]:
        return [plot] if (plot := forest.draw(found, name, title)) else []

    return drawn.once(f"{EVERY}-{name}", Path(forest.__file__), shown, draw)


def together(frames: list[TaskFrame], looks: dict[str, Style], drawn: Drawings) -> list[Section]:
    """Return the section of robots pooled over presets; nothing if it has a method for which the page has no style."""
    found, cells = robots.table(frames), common(frames)
    if found is None or not cells.keys() <= looks.keys():
        return []
    titles = [frame.title for frame in on_robots(frames)]
    shown = (titles, [(name, looks[name], list(map(digest, own))) for name, own in cells.items()])
    code = Path(robots_figure.__file__)
    plots = drawn.once(f"{EVERY}-robots", code, shown, lambda: robots_figure.draw(frames, looks))
    return [Section("robots", "Robots together", wording.ROBOTS, tables=[found], plots=plots)]


def archive(presets: list[Section], waiting: Iterable[dict[str, str]]) -> list[Section]:
    """Return the section of archived presets, and of presets without records with their commands, or nothing."""
    rows = [[Text(p["preset"]), Text(p["what"]), Text(p["rows"]), Code(p["command"])] for p in waiting]
    head = ["preset", "what it is", "methods of each task", "command"]
    told = [Section("archive-waiting", "Presets without records here", "", tables=[Table("Presets", head, rows)])]
    parts = presets + (told if rows else [])
    return [Section("archive", "Archived runs", wording.ARCHIVED, parts=parts)] if parts else []


def left_out(reasons: Mapping[str, str]) -> list[Section]:
    """Return the section of what cannot be shown, e.g. 'cell pair/gan', with the reasons; nothing without any."""
    rows = [[Text(name, alarm=True), Text(why)] for name, why in reasons.items()]
    made = [Table("Left out", ["what", "why"], rows)]
    return [Section("left-out", "What cannot be shown", wording.LEFT_OUT, tables=made)] if rows else []


def archived(preset: Preset, beside: Beside, link: Link, place: Path) -> Section:
    """Return what the main page shows of an archived preset, whose own page is in the folder `place`."""
    page = link(place / "index.html")
    made = [overview(preset.frames, preset.summaries, f"{preset.name}: archived", link(place) + "/")]
    made += [table for frame in preset.frames.values() for table in beside.tables(preset, frame, link, archived=True)]
    tables = [table.led(link(place / method_pages.FOLDER)) for table in made]
    return Section(f"archive-{preset.name}", f"Preset {preset.name}", "", [("its page, with figures", page)], tables)


def statistics(root: Path) -> list[Section]:
    """Return the section on what a number of seeds can decide; nothing if it was not simulated."""
    found = support.tables(root / "results/statistics/coverage.csv")
    return [Section("support", "What a number of seeds can decide", wording.SUPPORT, tables=found)] if found else []


def speeds(root: Path, link: Link, drawn: Drawings) -> list[Section]:
    """Return the section of speeds compared with others; nothing if none was measured."""
    folder = root / "results/benchmarks"
    found = speed.tables(folder, link)
    if not found:
        return []
    shown = [(path.name, path.read_bytes()) for path in sorted(folder.glob("*.json"))]
    plots = drawn.once(f"{EVERY}-speed", Path(speed_figure.__file__), shown, lambda: speed_figure.draw(folder))
    return [Section("speed", "Speed", wording.SPEED, tables=found, plots=plots)]


def siege(root: Path) -> list[Section]:
    """Return the section of attacks on the harness; nothing if none were made."""
    found = attacks.tables(root / "results/benchmarks")
    return [Section("siege", "Attacks on the harness", wording.SIEGE, tables=found)] if found else []


def printed(preset: Preset, beside: Beside) -> list[Section]:
    """Return the section of published numbers; nothing without their file."""
    if beside.numbers is None:
        return []
    methods = {cell.title: cell.method for cell in reversed(preset.cells)}
    tables = [table.led(method_pages.FOLDER) for table in published.numbers(beside.numbers, methods)]
    return [Section("published", "Published numbers", wording.PUBLISHED, tables=tables)]


def _tables(preset: Preset, frame: TaskFrame, link: Link) -> list[Table | None]:
    summary = preset.summaries[frame.name]
    return [
        comparison(frame, summary, link),
        checkpoints.table(frame),
        motions.table(frame, summary),
        ranks.table(frame, summary),
        further(frame, summary, motions.shown(frame)),
        gaussians.table(frame, link),
        mazes.table(frame, link),
        variance(frame, link),
        constraints(frame, frame.everything, link),
        *(ablation(frame, swept, summary, link) for swept in frame.ablations),
    ]


def _task(
    frame: TaskFrame,
    frames: Mapping[str, TaskFrame],
    links: list[tuple[str, str]],
    tables: list[Table],
    plots: list[Plot],
    order: list[CellFrame],
) -> Section:
    seeds, steps = frame.params.get("seeds", []), frame.params.get("steps")
    facts = [f"{len(frame.cells)} method{'s' * (len(frame.cells) != 1)}"]
    facts += [f"ablations over {_listed([a.name for a in frame.ablations])}"] * bool(frame.ablations)
    facts += [f"seeds {span(seeds)}"] if seeds else []
    facts += [f"{steps} steps"] if steps else []
    shown, inside = [p for p in plots if not p.method], [p for p in plots if p.method]
    words = ", ".join(facts) + "."
    made = sheets(frame)
    return Section(
        frame.name,
        frame.title,
        words,
        links,
        tables,
        shown,
        made,
        films(frame, frames) + motion.draw(frame),
        inside=inside,
        grid=grid(frame, made, order),
    )


def _listed(names: list[str]) -> str:
    """Return 'a', 'a and b' or 'a, b and c'."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _family(name: str, parts: list[Section]) -> Section:
    title, intro = words(name)
    return Section(f"family-{name}", title, intro, parts=parts)
