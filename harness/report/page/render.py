"""Render records, tables and figures as `index.html`, `index.md`, and pages of tasks, methods, topics and presets.

`index.html` is the summary. Pages of tasks and topics contain their figures, so that their text can be searched; other
pages show them as files, as all pages do with sheets of samples. Addresses are written as seen from the folder of the
report; a page in a folder below it gets `../` before each. Nothing is fetched from elsewhere, so the folder works
without a network. `make preview` takes the picture of the first screen. Equal records give equal pages: there are no
dates and no duration of this run; the training time of a cell is in its provenance file and in its tables.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from harness.errors import reason
from harness.report.claims import verdicts
from harness.report.figures import drawings, strip
from harness.report.figures.style import styles
from harness.report.page import findings, folder, kept, learnt, method_pages, sections, wording
from harness.report.page.read import Beside, Preset, judged
from harness.report.page.sections import Section
from harness.report.page.templating import environment
from harness.report.records.twins import effects
from harness.report.tables.overview import overview

ARCHIVE = "archived"  # the folder of the pages of archived presets
TASKS, TOPICS = "tasks", "topics"  # folders of pages, beside that of the methods
ADDRESS = re.compile(r'\b(href|src)="(?!#|[a-z]+:)')


def render(
    root: Path,
    params: dict[str, Any],
    out: Path,
    archived: Iterable[dict[str, Any]] = (),
    drawn: drawings.Drawings | None = None,
    waiting: Iterable[dict[str, str]] = (),
    refused: Mapping[str, str] | None = None,
    earlier: kept.Kept | None = None,
) -> dict[str, str]:
    """Write out/index.html, out/index.md, out/figures/ and the pages in folders beside them, from the records.

    A preset, record or import that cannot be read or drawn is left out and does not stop the other pages. Other files
    in `out` stay. Returns everything that was left out, e.g. 'preset far', 'cell pair/gan' or 'import peer', with the
    reason. Raises BenchError if `out` is not a valid folder for pages, or if the page's summaries are missing or older
    than its records; the old pages stay then.

    root: the project's folder.
    params: the parameters of the page's own preset.
    out: the folder of the report.
    archived: the parameters of presets with records in results/archive; each has its own page in
        `out/archived/<preset>/`, and its tables of numbers are also on this page.
    drawn: the figures that were drawn for earlier reports, if any.
    waiting: for each preset without records: preset, what, rows and command.
    refused: the name of a preset -> the reason why it cannot be shown.
    earlier: the pages of archived presets that earlier reports made, if any.
    """
    root, out = Path(root), Path(out)
    folder.check(root, out)
    drawn, earlier = drawn or drawings.Drawings(), earlier or kept.Kept()
    own, beside, pages = Preset.live(root, params), Beside.read(root), out / ARCHIVE
    others: dict[str, Archived] = {}
    refused = dict(refused or {})
    for block in archived:
        try:
            others[block["preset"]] = _archived(root, block, beside, out, drawn, earlier)
        except Exception as error:  # whatever is wrong with this preset's records must not stop the others
            refused[block["preset"]] = reason(error)
    shown = [own, *(other.preset for other in others.values())]
    claims = judged(root, shown, refused)

    def address(page: Path, preset: str, task: str) -> str:
        """Return the address of a task's page as seen from the folder `page`."""
        target = out if preset == own.name else pages / preset
        return _link(page, target / TASKS / f"{task}.html")

    frames = [frame for preset in shown for frame in preset.frames.values()]
    after = sections.together(frames, styles(params), drawn)
    after += sections.archive([other.part for other in others.values()], waiting)
    after += sections.statistics(root) + sections.speeds(root, partial(_link, out), drawn)
    after += sections.siege(root)
    out_of_it = {f"cell {cell}": cell.fault for frame in frames for cell in frame.unreadable}
    out_of_it |= {f"preset {name}": why for name, why in refused.items()}
    out_of_it |= {f"import {name}": why for name, why in beside.refused.items()}
    found, few = effects(frames)
    after = sections.bottleneck(found, few, partial(address, out), drawn) + after
    after = learnt.section(found, few, [preset.frames for preset in shown], claims) + after
    main = sections.compared([effect for effect in found if effect.main], "bottleneck-tasks", findings.FOREST, drawn)
    page = _page(root, own, beside, out, after, drawn) | {
        "tally": verdicts.first(claims),
        "findings": findings.sentences(found, few, claims, own, partial(address, out)),
        "forest": next(iter(main), None),
        "strip": strip.draw(own.frames),
    }
    shown_films = ((task, film) for family in page["families"] for task in family.parts for film in task.films)
    page["film"] = next(shown_films, None)
    page["topics"] += sections.left_out(out_of_it)

    def files() -> Iterator[tuple[str, bytes]]:
        for name, other in others.items():
            said = sections.claims(claims, partial(address, pages / name), name)
            yield from _pages(name, other, said, drawn, earlier)
        yield from drawn.files(drawn.made.keys() - {name for other in others.values() for name in _drawn(other)})
        yield from _files(_with_claims(page, sections.claims(claims, partial(address, out))))

    folder.replace(out, files(), folder.generated(root, out))
    return out_of_it


@dataclass(frozen=True)
class Archived:
    """An archived preset.

    preset: its records.
    part: its part of the main page.
    page: makes its main page, without the claims.
    made_from: a digest of all that its pages follow from, but for the claims.
    before: the pages that an earlier report made from the same, if any.
    """

    preset: Preset
    part: Section
    page: Callable[[], dict[str, Any]]
    made_from: str
    before: kept.Pages | None


def _archived(
    root: Path, params: dict[str, Any], beside: Beside, out: Path, drawn: drawings.Drawings, earlier: kept.Kept
) -> Archived:
    """Make all that may fail of an archived preset before anything is written; arguments are those of `render`."""
    made_from = kept.made_from(root, params, out)
    before = earlier.read(params["preset"], made_from)
    preset = Preset.archived(root, params, before.summaries if before else None)
    place = out / ARCHIVE / preset.name
    page = cache(partial(_page, root, preset, beside, place, [], drawn, behind=True))
    if before is None:
        page()
    part = sections.archived(preset, beside, partial(_link, out), place)
    return Archived(preset, part, page, made_from, before)


def _pages(
    name: str, other: Archived, said: list[Section], drawn: drawings.Drawings, earlier: kept.Kept
) -> Iterator[tuple[str, bytes]]:
    """Yield the files of an archived preset's pages with its claims, and its packed figures."""
    pages, claims = other.before, kept.digest(said)
    if pages is None or pages.claims != claims:
        files = dict(_files(_with_claims(other.page(), said), f"{ARCHIVE}/{name}/")) | dict(drawn.files(_drawn(other)))
        pages = kept.Pages(other.made_from, claims, files, other.preset.summaries)
        if not any(frame.unreadable for frame in other.preset.frames.values()):  # a fault is found only by reading
            earlier.write(name, pages)
    yield from pages.files.items()


def _drawn(other: Archived) -> set[str]:
    """Return the names under which the figures of an archived preset are kept."""
    return {drawings.name_of(other.preset.name, task) for task in other.preset.frames}


def _with_claims(page: dict[str, Any], said: list[Section]) -> dict[str, Any]:
    return page | {"topics": said + page["topics"]}


def _page(
    root: Path,
    preset: Preset,
    beside: Beside,
    out: Path,
    after: list[Section],
    drawn: drawings.Drawings,
    behind: bool = False,
) -> dict[str, Any]:
    """Return what the templates show, without the claims.

    root: the project's folder.
    preset: the preset of the page.
    beside: what its records are compared with.
    out: the folder of the report.
    after: the sections behind those of the tasks.
    drawn: the figures that were drawn before.
    behind: whether the page is that of an archived preset, behind the main one.
    """
    link, looks = partial(_link, out), styles(preset.params)
    declared = {name: preset.published(name) for name in preset.frames}
    plots = drawn.draw(preset.name, preset.frames, preset.summaries, looks, declared)
    tasks = sections.families(root, preset, beside, plots, link, archived=behind)
    glance = overview(preset.frames, preset.summaries, "All tasks at a glance").led(method_pages.FOLDER)
    return {
        "preset": preset.name,
        "protocol": preset.params["protocol"],
        "top": "../../" if behind else "",  # the way to the folder of the main report, if this is an archived one
        "before": None,  # the neighbouring pages: address and title
        "after": None,
        "tally": None,  # these five come first on the main page, if they have content
        "findings": [],
        "forest": None,
        "strip": None,
        "film": None,
        "glance": [glance],
        "reading": wording.HOW,
        "families": tasks,
        "topics": [*after, *sections.printed(preset, beside)],
        "methods": method_pages.pages(preset.params, preset.frames, preset.summaries, plots, link),
        "pairs": wording.PAIRS,
    }


def _link(out: Path, path: Path) -> str:
    return Path(os.path.relpath(path, out)).as_posix()


def _files(page: dict[str, Any], where: str = "") -> Iterator[tuple[str, bytes]]:
    """Yield (path, content) of the figures and of all pages, the main page last.

    page: what the templates show.
    where: the folder of the pages, with a slash at the end.
    """
    made = environment()

    def filled(name: str, template: str, **more: Any) -> tuple[str, bytes]:
        return f"{where}{name}", made.get_template(template).render(page | more).encode()

    def beneath(folder: str, template: str, names: list[str], parts: list[Any]) -> Iterator[tuple[str, bytes]]:
        """Yield a page for each part, with links to the one before and the one after it."""
        titles = [part.title for part in parts]
        for place, (name, part) in enumerate(zip(names, parts, strict=True)):
            beside = {
                word: (f"{folder}/{names[other]}.html", titles[other]) if 0 <= other < len(parts) else None
                for word, other in (("before", place - 1), ("after", place + 1))
            }
            path, content = filled(f"{folder}/{name}.html", template, part=part, **beside)
            yield path, ADDRESS.sub(r'\1="../', content.decode()).encode()

    tasks = [part for family in page["families"] for part in family.parts]
    yield from ((f"{where}figures/{name}", content) for name, content in _pictures(page["families"] + page["topics"]))
    if page["forest"]:
        yield f"{where}figures/{page['forest'].name}.svg", page["forest"].svg
    if page["strip"]:
        yield f"{where}figures/{page['strip'].file}", page["strip"].png
    if not page["top"]:  # archived pages use those of the report
        yield from (filled(name, name) for name in ("page.css", "page.js"))
    yield from beneath(TASKS, "section.html.j2", [part.anchor for part in tasks], tasks)
    yield from beneath(TOPICS, "section.html.j2", [part.anchor for part in page["topics"]], page["topics"])
    methods = page["methods"]
    yield from beneath(method_pages.FOLDER, "method.html.j2", [method.name for method in methods], methods)
    yield filled("index.md", "page.md.j2")
    yield filled(folder.MAIN, "page.html.j2")


def _pictures(parts: Iterable[Section]) -> Iterator[tuple[str, bytes]]:
    """Yield the name and bytes of every file in `figures/`."""
    for section in parts:
        yield from ((f"{plot.name}.svg", plot.svg) for plot in section.plots + section.inside)
        yield from ((sheet.file, sheet.png) for sheet in section.sheets)
        for film in section.films:
            yield from ((film.file, film.png), (film.stills_file, film.stills))
        yield from _pictures(section.parts)
