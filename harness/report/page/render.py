"""Records, tables and figures -> `index.html`, `index.md`, a page for each method, and the pages of archived presets.

`index.html` holds its figures, so that their text can be searched, and shows sheets of samples by file; the other pages
show all by file. Nothing is fetched from elsewhere: the folder works without a network. `make preview` takes the
picture of the first screen. Nothing here changes from run to run on equal records: no dates, no durations, no machine;
those stand in each record's provenance file, which the page links to.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from harness.errors import reason
from harness.report.claims import verdicts
from harness.report.figures import drawings
from harness.report.figures.style import styles
from harness.report.page import folder, method_pages, sections, wording
from harness.report.page.read import Beside, Preset, judged
from harness.report.page.sections import Section
from harness.report.page.templating import environment
from harness.report.tables.overview import overview

ARCHIVE = "archived"  # the folder of the pages of archived presets


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
    `out/archived/<preset>/`, and its tables of numbers a place on this one. drawn: where figures are kept from one
    report to the next, if at all. waiting: of presets without records: preset, what, rows and command. refused: preset
    -> why it cannot be shown. An archived preset that cannot be read or drawn joins these and stops nobody else's page;
    nor does a record that cannot be read, or an import. Returns all that were left out, e.g. 'preset far', 'cell
    pair/gan', 'import peer', each with its reason. What else stands in `out` stays. Raises BenchError where `out` is no
    place for pages, or the page's summaries are missing or older than its records; the old pages stay then.
    """
    root, out = Path(root), Path(out)
    folder.check(root, out)
    own, beside, pages = Preset.live(root, params), Beside.read(root), out / ARCHIVE
    kept: dict[str, Archived] = {}
    refused = dict(refused or {})
    for block in archived:
        try:
            kept[block["preset"]] = _archived(root, block, beside, out, drawn, params)
        except Exception as error:  # whatever is wrong with one preset's records
            refused[block["preset"]] = reason(error)
    shown = [own, *(other.preset for other in kept.values())]
    claims = judged(root, shown, refused)

    def address(page: Path, preset: str, task: str) -> str:
        """Where a task's section lies, seen from the folder `page`."""
        target = out if preset == own.name else pages / preset
        return f"{'' if target == page else _link(page, target / 'index.html')}#{task}"

    frames = [frame for preset in shown for frame in preset.frames.values()]
    after = sections.together(frames, styles(params))
    after += sections.archive([other.part for other in kept.values()], waiting)
    after += sections.statistics(root) + sections.speeds(root, partial(_link, out))
    after += sections.siege(root)
    page = _page(root, own, beside, out, after, drawn) | {"first": verdicts.first(claims)}
    out_of_it = {f"cell {cell}": cell.fault for frame in frames for cell in frame.unreadable}
    out_of_it |= {f"preset {name}": why for name, why in refused.items()}
    out_of_it |= {f"import {name}": why for name, why in beside.refused.items()}
    page["sections"] += sections.left_out(out_of_it)

    def files() -> Iterator[tuple[str, bytes]]:
        for name, other in kept.items():
            said = sections.claims(claims, partial(address, pages / name), name)
            yield from _files(_with_claims(other.page, said), f"{ARCHIVE}/{name}/")
        yield from _files(_with_claims(page, sections.claims(claims, partial(address, out))))

    folder.replace(out, files(), folder.generated(root, out))
    return out_of_it


@dataclass(frozen=True)
class Archived:
    """A preset beside the page's own: its records, its page without the claims, and its part of the main page."""

    preset: Preset
    page: dict[str, Any]
    part: Section


def _archived(
    root: Path, params: dict[str, Any], beside: Beside, out: Path, drawn: Path | None, behind: dict[str, Any]
) -> Archived:
    """All that is made of the preset of `params` before anything is written; arguments as in `render` and `_page`."""
    preset = Preset.archived(root, params)
    place = out / ARCHIVE / preset.name
    page = _page(root, preset, beside, place, [], drawn, behind)
    return Archived(preset, page, sections.archived(preset, beside, partial(_link, out), place))


def _with_claims(page: dict[str, Any], said: list[Section]) -> dict[str, Any]:
    return page | {"sections": said + page["sections"]}


def _page(
    root: Path,
    preset: Preset,
    beside: Beside,
    out: Path,
    after: list[Section],
    drawn: Path | None,
    behind: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """What the templates show, without the claims. after: sections behind those of the tasks.

    behind: parameters of the page that the page of an archived preset stands behind, as in `styles`; None for the main
    one.
    """
    link, looks = partial(_link, out), styles(preset.params, behind)
    plots = {
        name: drawings.draw(drawn, preset.name, frame, preset.summaries[name], looks, preset.published(name))
        for name, frame in preset.frames.items()
    }
    tasks = sections.families(root, preset, beside, plots, link, archived=behind is not None)
    glance = overview(preset.frames, preset.summaries, "All tasks at a glance").led(method_pages.FOLDER)
    beneath = partial(_link, out / method_pages.FOLDER)
    return {
        "preset": preset.name,
        "protocol": preset.params["protocol"],
        "first": None,  # the table of the first screen, where there is one
        "glance": [glance],
        "reading": wording.HOW,
        "sections": [*tasks, *after, *sections.printed(preset, beside)],
        "methods": method_pages.pages(preset.params, preset.frames, preset.summaries, plots, beneath),
        "pairs": wording.PAIRS,
    }


def _link(out: Path, path: Path) -> str:
    return Path(os.path.relpath(path, out)).as_posix()


def _files(page: dict[str, Any], where: str = "") -> Iterator[tuple[str, bytes]]:
    """(path, content) of the figures and of all pages, the main one last; where: their folder, with its slash."""
    made = environment()

    def filled(name: str, template: str, **more: Any) -> tuple[str, bytes]:
        return f"{where}{name}", made.get_template(template).render(page | more).encode()

    yield from ((f"{where}figures/{name}", content) for name, content in _pictures(page["sections"]))
    yield filled(f"{method_pages.FOLDER}/page.css", "page.css")
    for method in page["methods"]:
        yield filled(f"{method_pages.FOLDER}/{method.name}.html", "method.html.j2", method=method)
    yield filled("index.md", "page.md.j2")
    yield filled(folder.MAIN, "page.html.j2")


def _pictures(parts: Iterable[Section]) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every file in `figures/`."""
    for section in parts:
        yield from ((f"{plot.name}.svg", plot.svg) for plot in section.plots + section.inside)
        yield from ((sheet.file, sheet.png) for sheet in section.sheets)
        yield from _pictures(section.parts)
