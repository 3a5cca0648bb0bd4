"""Frames, tables and figures -> `index.html` (self-contained but for folded figures) and `index.md` beside it.

Nothing here changes from run to run on equal records: no dates, no durations, no machine; those
stand in each record's provenance file, which the page links to.
"""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness.report import claims, figures, judge, mazes, published, tables, toy, verdicts
from harness.report import statistics as st
from harness.report.aggregate import summarise
from harness.report.checks import span
from harness.report.frame import TaskFrame, load
from harness.report.slim import inline
from harness.report.style import Plot, styles
from harness.report.words import Link, Table

FAMILIES = {
    "gaussians": "Two one-dimensional Gaussians told apart by a critic with and without the "
    "bottleneck, the paper's Fig. 2: the smaller the budget I_c, the flatter D(x).",
    "labelled": "Classification through the variational information bottleneck, beside a "
    "deterministic twin of the same size.",
    "images": "Image generation: every adversarial method on the same images, latents and seeds, "
    "scored on as many generated images as the test set holds.",
    "tabular": "Inverse reinforcement learning where the truth is known: a maze as a table, its reward and its "
    "maximum-entropy optimal policy exact, every score an exact expectation.",
    "locomotion": "Gymnasium's MuJoCo robots, version 5. Imitation sees episodes of one length, ended by nothing, so that "
    "survival tells it nothing unless the task says otherwise; returns are true and undiscounted, of a stochastic policy, over "
    "fresh episodes that end where Gymnasium ends them. A training step is one update of the policy, on as many "
    "environment steps as the task's horizon times its environments.",
    "maze": "A ball in a maze (the paper's Fig. 7): returns are true, undiscounted, of a stochastic policy, over "
    "fresh episodes.",
}


@dataclass(frozen=True)
class Sheet:
    """Generated samples of one cell: its name, the PNG as base64, and where the file lies."""

    cell: str
    png: str
    href: str
    alt: str


@dataclass(frozen=True)
class Section:
    """One part of the page: `anchor` in the contents, words, then tables, figures and sheets."""

    anchor: str
    title: str
    intro: str
    links: list[tuple[str, str]] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    plots: list[Plot] = field(default_factory=list)
    sheets: list[Sheet] = field(default_factory=list)


@dataclass(frozen=True)
class Preset:
    """What one page is made from: parameters, checked frames and their summaries, by task."""

    params: dict[str, Any]
    frames: dict[str, TaskFrame]
    summaries: dict[str, pd.DataFrame]

    @classmethod
    def read(cls, root: Path, params: dict[str, Any]) -> Preset:
        frames = load(root, params)
        return cls(params, frames, {name: summarise(frame) for name, frame in frames.items()})

    @property
    def name(self) -> str:
        return self.params["preset"]


@dataclass(frozen=True)
class Paper:
    """What the papers printed: numbers (None without the file), and claims as judged by every preset's records."""

    numbers: pd.DataFrame | None
    claims: list[judge.Judged]

    def beside(self, preset: Preset, frame: TaskFrame, link: Link) -> Table | None:
        declared = _declared(preset.params, frame.name)
        return published.beside(frame, declared, self.numbers, link) if declared and self.numbers is not None else None


def render(root: Path, params: dict[str, Any], out: Path, archived: Iterable[dict[str, Any]] = ()) -> None:
    """Write out/index.html, out/index.md and out/figures/*.svg from the records under root.

    archived: parameters of presets whose records lie in results/archive; each gets a page of its own in
    `out/../archived/<preset>/`, and its tables of numbers a place on this one.
    """
    root, out = Path(root), Path(out)
    own, kept = Preset.read(root, params), [Preset.read(root, block) for block in archived]
    frames = {preset.name: preset.frames for preset in (own, *kept)}
    judged = [judge.judge(claim, frames) for claim in claims.load(root / "results/claims.yaml")]
    paper = Paper(published.load(root / "results/published.csv"), judged)
    pages, made = out.parent / "archived", []

    def address(page: Path, preset: str, task: str) -> str:
        """Where a task's section lies, seen from the folder `page`."""
        target = (out if preset == own.name else pages / preset) / "index.html"
        return f"{'' if target.parent == page else _link(page, target)}#{task}"

    shutil.rmtree(pages, ignore_errors=True)  # after all records are read: a wrong one leaves the old pages
    pages.mkdir(parents=True)
    for preset in kept:
        folder = pages / preset.name
        words = verdicts.table(judged, partial(address, folder), preset.name)
        _write(_page(root, preset, paper, folder, [], [words] if words else [], params), folder)
        made.append(tables.overview(preset.frames, preset.summaries, f"{preset.name}: archived", _link(out, folder / "index.html")))
        made += [table for frame in preset.frames.values() if (table := paper.beside(preset, frame, partial(_link, out)))]
    extra = [Section("archive", "Archived runs", ARCHIVED, tables=made)] if made else []
    words = [table for table in (verdicts.first(judged), verdicts.table(judged, partial(address, out))) if table]
    _write(_page(root, own, paper, out, extra, words), out)


def _page(
    root: Path, preset: Preset, paper: Paper, out: Path, extra: list[Section], said: list[Table], before: dict[str, Any] | None = None
) -> dict[str, Any]:
    """What the templates show; said: tables of claims, the first one for the first screen. before: as in `styles`."""
    link, looks, sections = partial(_link, out), styles(preset.params, before), []
    for name, frame in preset.frames.items():
        made = _tables(frame, preset.summaries[name], link)
        made.insert(1, paper.beside(preset, frame, link))
        plots = figures.draw(frame, preset.summaries[name], looks, _declared(preset.params, name))
        section = _task(frame, [table for table in made if table], plots, link)
        data = root / f"results/data/{name}.json"
        if data.is_file():
            section.links.append(("data: sizes and hashes", link(data)))
        sections.append(section)
    sections += extra
    if paper.numbers is not None:
        sections.append(Section("published", "Published numbers", PUBLISHED, tables=published.numbers(paper.numbers)))
    return {
        "preset": preset.name,
        "protocol": preset.params["protocol"],
        "glance": [*said[:1], tables.overview(preset.frames, preset.summaries, "All tasks at a glance"), *said[1:]],
        "reading": _reading(),
        "sections": sections,
        "pairs": PAIRS,
    }


def _declared(params: dict[str, Any], task: str) -> dict[str, Any] | None:
    return params.get("report", {}).get("published", {}).get(task)


def _link(out: Path, path: Path) -> str:
    return Path(os.path.relpath(path, out)).as_posix()


def _write(page: dict[str, Any], out: Path) -> None:
    """Both pages and the figures; figures of an earlier page go."""
    folder = out / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.svg"):
        stale.unlink()
    for plot in (plot for section in page["sections"] for plot in section.plots):
        (folder / f"{plot.name}.svg").write_bytes(plot.svg)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
        autoescape=lambda name: name == "page.html.j2",
    )  # fmt: skip
    environment.filters["inline"] = lambda plot: Markup(inline(plot.svg, plot.name, plot.alt))
    environment.filters["pipe"] = lambda text: str(text).replace("|", "\\|")
    for template, target in (("page.html.j2", "index.html"), ("page.md.j2", "index.md")):
        text = environment.get_template(template).render(page)
        (out / target).write_text(text, encoding="utf-8", newline="\n")


PUBLISHED = (
    "What the paper printed, for the record. Not comparable with the tables above: data, encoder, "
    "number of samples or budget differ. Where a number was run under the paper's own protocol, it "
    "stands in its task's section with a verdict."
)

ARCHIVED = (
    "Runs that are too long to repeat with every change of the code: evidence of the commit that made them. Each preset "
    "has a page of its own with its figures, behind the names of its tasks."
)

PAIRS = (
    "Each pair of rows is one seed: generated samples above, below each of them the training image "
    "nearest to it."
)


def _reading() -> list[str]:
    """How the numbers are made, one line each."""
    return [
        "The unit is one training run (one seed). All methods of a task share seeds, batches and "
        "latents, so differences are paired by seed.",
        "A score is the interquartile mean (IQM) at the last step with a 95 % percentile bootstrap "
        f"interval over seeds ({st.RESAMPLES} resamples; none below n = {st.FEWEST_FOR_INTERVAL}; "
        "drawn from known distributions it covers 90 % at n = 5, 94 % at n = 10 and 95 % at n = 20).",
        "A difference is the mean over seeds of method minus baseline with a paired t interval; ρ "
        "is the correlation that the pairing uses (at ρ ≤ 0 it bought nothing). It is a mean, so "
        "a failed run moves it more than it moves the IQM.",
        "p is an exact sign-flip test, adjusted by Holm over the task's methods on its headline "
        "metric. 'Better' needs p < 0.05 and P(better) of at least 0.75 with its whole interval above 0.5, where P(better) "
        "is the chance that a run of the method beats a run of the baseline, with an expanded percentile bootstrap interval.",
        "A run that failed counts at the floor score and is listed; nothing is dropped.",
    ]


def _tables(frame: TaskFrame, summary: pd.DataFrame, link: Link) -> list[Table | None]:
    return [
        tables.comparison(frame, summary, link),
        tables.secondary(frame, summary, link),
        toy.table(frame, link),
        mazes.table(frame, link),
        tables.constraints(frame, frame.everything, link),
        *(tables.ablation(frame, swept, summary, link) for swept in frame.ablations),
    ]


def _task(frame: TaskFrame, made: list[Table], plots: list[Plot], link: Link) -> Section:
    seeds, steps = frame.params.get("seeds", []), frame.params.get("steps")
    facts = [f"{len(frame.cells)} methods"]
    facts += [f"ablations over {' and '.join(a.name for a in frame.ablations)}"] * bool(frame.ablations)
    facts += [f"seeds {span(seeds)}"] if seeds else []
    facts += [f"{steps} steps"] if steps else []
    intro = " ".join(filter(None, [FAMILIES.get(frame.family), ", ".join(facts) + "."]))
    sheets = [
        Sheet(
            cell.title, base64.b64encode(cell.sheet.read_bytes()).decode(), link(cell.sheet),
            f"Samples generated by {cell.title} on {frame.title}, each with its nearest training "
            "images.",
        )
        for cell in frame.everything
        if cell.sheet
    ]  # fmt: skip
    return Section(frame.name, frame.title, intro, [], made, plots, sheets)
