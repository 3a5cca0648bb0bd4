"""Records, tables and figures -> `index.html`, `index.md`, a page for each method, and the pages of archived presets.

`index.html` holds its figures, so that their text can be searched, and shows sheets of samples by file; the other pages
show all by file. Nothing is fetched from elsewhere: the folder works without a network. `make preview` takes the
picture of the first screen. Nothing here changes from run to run on equal records: no dates, no durations, no machine;
those stand in each record's provenance file, which the page links to.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from harness.report.claims import verdicts
from harness.report.figures import drawings
from harness.report.figures.style import styles
from harness.report.page import folder, method_pages, sections, wording
from harness.report.page.read import Beside, Preset
from harness.report.page.sections import Section
from harness.report.page.templating import environment
from harness.report.tables.cells import Table
from harness.report.tables.overview import overview

ARCHIVE = "archived"  # the folder of the pages of archived presets


def render(
    root: Path,
    params: dict[str, Any],
    out: Path,
    archived: Iterable[dict[str, Any]] = (),
    drawn: Path | None = None,
    waiting: Iterable[dict[str, str]] = (),
) -> None:
    """Write out/index.html, out/index.md, out/figures/ and out/methods/*.html from the records under root.

    archived: parameters of presets whose records lie in results/archive; each gets a page of its own in
    `out/archived/<preset>/`, and its tables of numbers a place on this one. drawn: where figures are kept from one
    report to the next, if at all. waiting: of presets that have not run: preset, what, rows and command. What else
    stands in `out` stays. Raises BenchError where `out` is no place for pages, records are wrong, or the live summaries
    are missing or older than the records; the old pages stay then.
    """
    root, out = Path(root), Path(out)
    folder.check(root, out)
    own, kept = Preset.live(root, params), [Preset.archived(root, block) for block in archived]
    beside = Beside.read(root, [own, *kept])
    pages = out / ARCHIVE

    def address(page: Path, preset: str, task: str) -> str:
        """Where a task's section lies, seen from the folder `page`."""
        target = out if preset == own.name else pages / preset
        return f"{'' if target == page else _link(page, target / 'index.html')}#{task}"

    def files() -> Iterator[tuple[str, bytes]]:
        made = []
        for preset in kept:
            place = pages / preset.name
            said = sections.claims(beside.claims, partial(address, place), preset.name)
            yield from _files(
                _page(root, preset, beside, place, said, [], None, drawn, params), f"{ARCHIVE}/{preset.name}/"
            )
            made.append(sections.archived(preset, beside, partial(_link, out), place))
        frames = [frame for preset in (own, *kept) for frame in preset.frames.values()]
        after = sections.together(frames, styles(params)) + sections.archive(made, waiting)
        after += sections.statistics(root) + sections.speeds(root, partial(_link, out))
        said = sections.claims(beside.claims, partial(address, out))
        yield from _files(_page(root, own, beside, out, said, after, verdicts.first(beside.claims), drawn))

    folder.replace(out, files(), folder.generated(root, out))


def _page(
    root: Path,
    preset: Preset,
    beside: Beside,
    out: Path,
    before: list[Section],
    after: list[Section],
    first: Table | None,
    drawn: Path | None,
    behind: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """What the templates show. before, after: sections around those of the tasks. first: the table of the first screen.

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
        "first": first,
        "glance": [glance],
        "reading": wording.HOW,
        "sections": [*before, *tasks, *after, *sections.printed(preset, beside)],
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
