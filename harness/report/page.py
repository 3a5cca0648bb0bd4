"""Frames, tables and figures -> `index.html` (one self-contained file) and `index.md` beside it.

Nothing here changes from run to run on equal records: no dates, no durations, no machine; those
stand in each record's provenance file, which the page links to.
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness.report import figures, mazes, published, tables, toy
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


def render(root: Path, params: dict[str, Any], out: Path) -> None:
    """Write out/index.html, out/index.md and out/figures/*.svg from the records under root."""
    root, out = Path(root), Path(out)
    frames = load(root, params)
    summaries = {name: summarise(frame) for name, frame in frames.items()}
    looks = styles(params)

    def link(path: Path) -> str:
        return Path(os.path.relpath(path, out)).as_posix()

    printed = published.load(root / "results/published.csv")
    sections = []
    for name, frame in frames.items():
        declared = params.get("report", {}).get("published", {}).get(name)
        made = _tables(frame, summaries[name], params, link)
        if declared and printed is not None:
            made.insert(1, published.beside(frame, declared, printed, link))
        plots = figures.draw(frame, summaries[name], looks, declared)
        section = _task(frame, [table for table in made if table], plots, link)
        data = root / f"results/data/{name}.json"
        if data.is_file():
            section.links.append(("data: sizes and hashes", link(data)))
        sections.append(section)
    if printed is not None:
        sections.append(
            Section("published", "Published numbers", PUBLISHED, tables=published.numbers(printed))
        )
    page = {
        "preset": params["preset"],
        "protocol": params["protocol"],
        "overview": tables.overview(frames, summaries),
        "reading": _reading(),
        "sections": sections,
        "pairs": PAIRS,
    }
    _write(page, out)


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
        "at n = 10 such an interval covers about 91 %).",
        "A difference is the mean over seeds of method minus baseline with a paired t interval; ρ "
        "is the correlation that the pairing uses (at ρ ≤ 0 it bought nothing). It is a mean, so "
        "a failed run moves it more than it moves the IQM.",
        "p is an exact sign-flip test, adjusted by Holm over the task's methods on its headline "
        "metric. 'Better' needs p < 0.05 and P(better) of at least 0.75, where P(better) is the "
        "chance that a run of the method beats a run of the baseline.",
        "A run that failed counts at the floor score and is listed; nothing is dropped.",
    ]


def _tables(frame: TaskFrame, summary: pd.DataFrame, params: dict[str, Any], link: Link) -> list[Table | None]:
    return [
        tables.comparison(frame, summary, link),
        tables.secondary(frame, summary, link),
        toy.table(frame, link),
        mazes.table(frame, params, link),
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
