"""Frames, tables and figures -> `index.html`, `index.md`, a page for each method, and the pages of archived presets.

`index.html` holds its figures, so that their text can be searched, and shows sheets of samples by file; the other pages show
all by file. Nothing is fetched from elsewhere: the folder works without a network. `make preview` takes the picture of the
first screen. Nothing here changes from run to run on equal records: no dates, no durations, no machine; those stand in each
record's provenance file, which the page links to.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness.errors import reason
from harness.report.claims import claims, judge, published, verdicts
from harness.report.figures import drawings, mazes, robots, speed, toy
from harness.report.figures.sheets import Sheet, sheets
from harness.report.figures.slim import inline
from harness.report.figures.style import Plot, Style, styles
from harness.report.page import folder, methods
from harness.report.page.families import words
from harness.report.records.aggregate import summarise
from harness.report.records.checks import span
from harness.report.records.frame import TaskFrame, load
from harness.report.stats import statistics as st
from harness.report.tables import downloads, external, support, tables, variance
from harness.report.tables.words import RHO, Link, Table, Text


@dataclass(frozen=True)
class Section:
    """One part of the page: `anchor` in the contents, words, tables, figures and sheets, then parts one level below.

    inside: figures of one method each, which stand on the methods' own pages.
    """

    anchor: str
    title: str
    intro: str
    links: list[tuple[str, str]] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    plots: list[Plot] = field(default_factory=list)
    sheets: list[Sheet] = field(default_factory=list)
    parts: list[Section] = field(default_factory=list)
    inside: list[Plot] = field(default_factory=list)


@dataclass(frozen=True)
class Preset:
    """What one page is made from: parameters, checked frames and their summaries, by task."""

    params: dict[str, Any]
    frames: dict[str, TaskFrame]
    summaries: dict[str, pd.DataFrame]

    @classmethod
    def read(cls, root: Path, params: dict[str, Any], other: bool = False) -> Preset:
        """other: another preset than the project's own; its files are all read now, so a damaged one shows here."""
        frames = load(root, params, other)
        if other:
            for cell in (cell for frame in frames.values() for cell in frame.everything if cell.record):
                _ = cell.scores, cell.curves, cell.panels
        return cls(params, frames, {name: summarise(frame) for name, frame in frames.items()})

    @property
    def name(self) -> str:
        return self.params["preset"]


@dataclass(frozen=True)
class Beside:
    """What stands beside our records: printed numbers (None without the file), and runs made elsewhere."""

    numbers: pd.DataFrame | None
    external: list[external.External]

    def tables(self, preset: Preset, frame: TaskFrame, link: Link, archived: bool) -> list[Table]:
        declared = _declared(preset.params, frame.name)
        printed = (
            published.beside(frame, declared, self.numbers, link) if declared and self.numbers is not None else None
        )
        others = external.table(frame, [e for e in self.external if e.preset == (preset.name if archived else "")])
        return [table for table in (printed, others) if table]


def render(
    root: Path,
    params: dict[str, Any],
    out: Path,
    archived: Iterable[dict[str, Any]] = (),
    drawn: Path | None = None,
    waiting: Iterable[dict[str, str]] = (),
    refused: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Write out/index.html, out/index.md, out/figures/ and out/methods/*.html from the records under root.

    archived: parameters of presets whose records lie in results/archive; each gets a page of its own in
    `out/archived/<preset>/`, and its tables of numbers a place on this one. drawn: where figures are kept from one report
    to the next, if at all. waiting: of presets without records: preset, what, rows and command. refused: preset -> why
    it cannot be shown. An archived preset that cannot be read or drawn joins these and stops nobody else's page;
    returns all that were left out, each with its reason. What else stands in `out` stays. Raises BenchError where `out`
    is no place for pages, or the page's own records are wrong; the old pages stay then.
    """
    root, out = Path(root), Path(out)
    folder.check(root, out)
    own, pages = Preset.read(root, params), out / ARCHIVE
    beside = Beside(published.load(root / "results/published.csv"), external.load(root))
    kept: dict[str, Archived] = {}
    refused = dict(refused or {})
    for block in archived:
        try:
            kept[block["preset"]] = _archived(root, block, beside, out, pages / block["preset"], drawn, params)
        except Exception as error:  # whatever is wrong with one preset's records
            refused[block["preset"]] = reason(error)
    shown = (own, *(other.preset for other in kept.values()))
    overlays = {path.stem for path in root.glob("presets/*.yaml")} - {own.name}
    frames = {preset.name: preset.frames for preset in shown}
    judged = [judge.judge(claim, frames, overlays, refused) for claim in claims.load(root / "results/claims.yaml")]

    def address(page: Path, preset: str, task: str) -> str:
        """Where a task's section lies, seen from the folder `page`."""
        target = out if preset == own.name else pages / preset
        return f"{'' if target == page else _link(page, target / 'index.html')}#{task}"

    extra = _together([frame for preset in shown for frame in preset.frames.values()], styles(params))
    told, parts = _waiting(waiting) + _refused(refused), [other.part for other in kept.values()]
    if told or parts:
        extra.append(Section("archive", "Archived runs", ARCHIVED, tables=told, parts=parts))
    page = _page(root, own, beside, out, extra, drawn)

    def files() -> Iterator[tuple[str, bytes]]:
        for name, other in kept.items():
            said = _claims(judged, partial(address, pages / name), name)
            yield from _files(_with_claims(other.page, said), f"{ARCHIVE}/{name}/")
        said = _claims(judged, partial(address, out))
        yield from _files(_with_claims(page | {"first": verdicts.first(judged)}, said))

    folder.replace(out, files(), folder.generated(root, out))
    return refused


@dataclass(frozen=True)
class Archived:
    """A preset beside the page's own: its records, its page without the claims, and its part of the other page."""

    preset: Preset
    page: dict[str, Any]
    part: Section


def _archived(
    root: Path,
    params: dict[str, Any],
    beside: Beside,
    out: Path,
    place: Path,
    drawn: Path | None,
    before: dict[str, Any],
) -> Archived:
    """All that is made of the preset of `params` before anything is written; arguments as in `_page` and `_abroad`."""
    preset = Preset.read(root, params, other=True)
    page = _page(root, preset, beside, place, [], drawn, before)
    return Archived(preset, page, _abroad(preset, beside, partial(_link, out), place))


def _with_claims(page: dict[str, Any], said: list[Section]) -> dict[str, Any]:
    return page | {"sections": said + page["sections"]}


def _page(
    root: Path,
    preset: Preset,
    beside: Beside,
    out: Path,
    extra: list[Section],
    drawn: Path | None,
    before: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """What the templates show, without the claims; before: of the page that this one stands behind, as in `styles`."""
    link, looks = partial(_link, out), styles(preset.params, before)
    families: dict[str, list[Section]] = {}
    plots: dict[str, list[Plot]] = {}
    for name, frame in preset.frames.items():
        made = _tables(frame, preset.summaries[name], link)
        made[1:1] = beside.tables(preset, frame, link, before is not None)
        plots[name] = drawings.draw(
            drawn, preset.name, frame, preset.summaries[name], looks, _declared(preset.params, name)
        )
        made = [methods.linked(table, frame.everything, methods.FOLDER) for table in made if table]
        section = _task(frame, made, plots[name])
        summary = root / f"results/summary/{name}.csv"  # of the records that follow the code, thus not of an archive
        for words, path in (
            ("data: sizes and hashes", root / f"results/data/{name}.json"),
            ("every number at full precision", summary if before is None else None),
        ):
            if path and path.is_file():
                section.links.append((words, link(path)))
        families.setdefault(frame.family, []).append(section)
    cells = [cell for frame in preset.frames.values() for cell in frame.everything]
    sections = [_family(name, parts) for name, parts in families.items()] + extra
    if before is None and (supported := support.tables(root / "results/statistics/coverage.csv")):
        sections.append(Section("support", "What so many seeds can decide", SUPPORT, tables=supported))
    if before is None and (measured := speed.tables(root / "results/benchmarks", link)):
        sections.append(
            Section("speed", "Speed", speed.INTRO, tables=measured, plots=speed.draw(root / "results/benchmarks"))
        )
    if beside.numbers is not None:
        printed = [methods.linked(table, cells, methods.FOLDER) for table in published.numbers(beside.numbers)]
        sections.append(Section("published", "Published numbers", PUBLISHED, tables=printed))
    beneath = partial(_link, out / methods.FOLDER)
    return {
        "preset": preset.name,
        "protocol": preset.params["protocol"],
        "first": None,  # the table above everything, where there is one
        "glance": [
            methods.linked(
                tables.overview(preset.frames, preset.summaries, "All tasks at a glance"), cells, methods.FOLDER
            )
        ],
        "reading": _reading(),
        "sections": sections,
        "methods": methods.pages(preset.params, preset.frames, preset.summaries, plots, beneath),
        "pairs": PAIRS,
    }


def _abroad(preset: Preset, beside: Beside, link: Link, place: Path) -> Section:
    """What a preset with a page of its own shows on another one."""
    made = [tables.overview(preset.frames, preset.summaries, f"{preset.name}: archived", link(place / "index.html"))]
    made += [table for frame in preset.frames.values() for table in beside.tables(preset, frame, link, archived=True)]
    cells = [cell for frame in preset.frames.values() for cell in frame.everything]
    made = [methods.linked(table, cells, link(place / methods.FOLDER)) for table in made]
    return Section(
        f"archive-{preset.name}",
        f"Preset {preset.name}",
        "",
        [("its page, with figures", link(place / "index.html"))],
        made,
    )


def _waiting(presets: Iterable[dict[str, str]]) -> list[Table]:
    """What has no records here, if anything, with the commands."""
    rows = [[Text(p["preset"]), Text(p["what"]), Text(p["rows"]), Text("", command=p["command"])] for p in presets]
    return [Table("Presets without records here", ["preset", "what it is", "rows", "command"], rows)] if rows else []


def _refused(refused: Mapping[str, str]) -> list[Table]:
    """What there is and cannot be shown, if anything, with the reasons."""
    rows = [[Text(name), Text(why)] for name, why in refused.items()]
    return [Table("Presets that cannot be shown", ["preset", "why"], rows)] if rows else []


def _claims(judged: list[judge.Judged], address: verdicts.Address, preset: str = "") -> list[Section]:
    """A part per domain; of one preset, only what its records are evidence for."""
    made = [(domain, verdicts.table(judged, domain, address, preset)) for domain in verdicts.domains(judged)]
    parts = [Section(verdicts.anchor(domain), domain, "", tables=[table]) for domain, table in made if table]
    return [Section("claims", "Claims", CLAIMS, parts=parts)] if parts else []


def _together(frames: list[TaskFrame], looks: dict[str, Style]) -> list[Section]:
    """The robots as one, of every preset; nothing where methods ran that this page has no style for."""
    found = robots.table(frames)
    if found is None or not robots.common(frames).keys() <= looks.keys():
        return []
    return [Section("robots", "Robots together", ROBOTS, tables=[found], plots=robots.draw(frames, looks))]


def _family(name: str, parts: list[Section]) -> Section:
    title, intro = words(name)
    return Section(f"family-{name}", title, intro, parts=parts)


def _declared(params: dict[str, Any], task: str) -> dict[str, Any] | None:
    return params.get("report", {}).get("published", {}).get(task)


def _link(out: Path, path: Path) -> str:
    return Path(os.path.relpath(path, out)).as_posix()


def _files(page: dict[str, Any], where: str = "") -> Iterator[tuple[str, bytes]]:
    """(path, content) of the figures and of all pages, the main one last; where: their folder's path, with its slash."""
    made = environment()

    def filled(name: str, template: str, **more: Any) -> tuple[str, bytes]:
        return f"{where}{name}", made.get_template(template).render(page | more).encode()

    yield from ((f"{where}figures/{name}", content) for name, content in _pictures(page["sections"]))
    yield filled(f"{methods.FOLDER}/page.css", "page.css")
    for method in page["methods"]:
        yield filled(f"{methods.FOLDER}/{method.name}.html", "method.html.j2", method=method)
    yield filled("index.md", "page.md.j2")
    yield filled(folder.MAIN, "page.html.j2")


def _pictures(sections: Iterable[Section]) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every file in `figures/`."""
    for section in sections:
        yield from ((f"{plot.name}.svg", plot.svg) for plot in section.plots + section.inside)
        yield from ((sheet.file, sheet.png) for sheet in section.sheets)
        yield from _pictures(section.parts)


def environment() -> Environment:
    places = count()  # of the figures on a page: the shortest ids that no other has
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
    )
    environment.filters |= {
        "inline": lambda plot: Markup(inline(plot.svg, f"f{next(places)}", plot.alt)),
        "image": lambda plot: Markup('<img class="plot" src="../figures/{}.svg" alt="{}">').format(plot.name, plot.alt),
        "pipe": lambda text: str(text).replace("|", "\\|"),
        "oneline": lambda text: text.replace("\n", "").strip(),  # of a macro, whose escapes stay as they are
        "address": downloads.address,
        "file_name": downloads.file_name,
    }
    return environment


ARCHIVE = "archived"  # the folder of the pages of archived presets

PUBLISHED = (
    "What the paper printed, for the record. Not comparable with the tables above: data, encoder, "
    "number of samples or budget differ. Where a number was run under the paper's own protocol, it "
    "stands in its task's section with a verdict."
)

CLAIMS = f"What the papers claim, each held against the records of its own protocol. {verdicts.READING}"

ROBOTS = "The imitation methods that ran on every robot, archived ones among them, by their normalised returns."

SUPPORT = "The same intervals and tests on runs that were drawn from known distributions: what n seeds can support, and what not."

ARCHIVED = (
    "Runs that are too long to repeat with every change of the code: evidence of the commit that made them. Each preset "
    "has a page of its own with its figures, behind the names of its tasks."
)

PAIRS = "Each pair of rows is one seed: generated samples above, below each of them the training image nearest to it."


def _reading() -> list[str]:
    """How the numbers are made, one line each."""
    return [
        "The unit is one training run (one seed). All methods of a task share seeds, batches and "
        "latents, so differences are paired by seed.",
        "A score is the interquartile mean (IQM) at the last step with a 95 % percentile bootstrap "
        f"interval over seeds ({st.RESAMPLES} resamples; none below n = {st.FEWEST_FOR_INTERVAL}; "
        "by simulation such an interval covers 90 % at n = 5 and 94 % at n = 10).",
        "A difference is the mean over seeds of method minus baseline with a paired t interval. It is a mean, so a "
        f"failed run moves it more than it moves the IQM. {RHO}",
        "p is an exact sign-flip test, adjusted by Holm over the task's methods on its headline "
        "metric. 'Better' needs p < 0.05 and P(better) of at least 0.75, where P(better) is the "
        "chance that a run of the method beats a run of the baseline.",
        "A run that failed counts at the floor score and is listed; nothing is dropped.",
    ]


def _tables(frame: TaskFrame, summary: pd.DataFrame, link: Link) -> list[Table | None]:
    return [
        tables.comparison(frame, summary, link),
        tables.secondary(frame, summary, link),
        toy.table(frame, link),
        mazes.table(frame, link),
        variance.table(frame, link),
        tables.constraints(frame, frame.everything, link),
        *(tables.ablation(frame, swept, summary, link) for swept in frame.ablations),
    ]


def _task(frame: TaskFrame, made: list[Table], plots: list[Plot]) -> Section:
    seeds, steps = frame.params.get("seeds", []), frame.params.get("steps")
    facts = [f"{len(frame.cells)} method{'s' * (len(frame.cells) != 1)}"]
    facts += [f"ablations over {' and '.join(a.name for a in frame.ablations)}"] * bool(frame.ablations)
    facts += [f"seeds {span(seeds)}"] if seeds else []
    facts += [f"{steps} steps"] if steps else []
    shown, inside = [p for p in plots if not p.method], [p for p in plots if p.method]
    return Section(frame.name, frame.title, ", ".join(facts) + ".", [], made, shown, sheets(frame), inside=inside)
