"""Compare two methods from records only, as lines for a terminal or as a page with the runs of both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from harness.files import write_text
from harness.report.claims.claims import load_claims, published_gap
from harness.report.figures.style import REFERENCE, Plot, figure, look, svg, theme
from harness.report.page.templating import environment
from harness.report.records.aggregate import summarise
from harness.report.records.frame import TaskFrame
from harness.report.records.pairs import pairs
from harness.report.records.tried import pair as trials
from harness.report.tables.entries import Table
from harness.report.tables.formats import to_text
from harness.report.tables.pair import comparison
from harness.report.tables.spelling import labelled


def lines(root: Path, a: str, b: str, task: str | None = None, preset: str | None = None) -> Iterator[str]:
    """Yield the lines of the comparison for a terminal; arguments and errors are those of `pairs`."""
    for name, frame in pairs(root, a, b, task, preset):
        made = _compared(root, frame)
        yield from to_text(replace(made, title=f"{made.title}{f' (archived preset {name})' if name else ''}"))


def tried(root: Path, a: str, b: str, task: str | None = None) -> Iterator[str]:
    """Yield the same lines for the trials of `a`, made by `bench try`."""
    for frame in trials(root, a, b, task):
        yield from to_text(comparison(frame, summarise(frame)))


def write(
    root: Path, a: str, b: str, task: str | None, preset: str | None, path: Path, listed: Sequence[str] = ()
) -> None:
    """Write the comparison as a page to `path`; the other arguments and errors are those of `pairs`.

    listed: `report.looks` of the parameters.
    """
    parts = []
    for name, frame in pairs(root, a, b, task, preset):
        title = f"{frame.name}{f', archived preset {name}' if name else ''}"
        parts.append((title, _compared(root, frame), _runs(frame, listed)))
    text = environment().get_template("compare.html.j2").render(a=a, b=b, parts=parts)
    write_text(path, text)


def _compared(root: Path, frame: TaskFrame) -> Table:
    """Return the comparison with the seeds that the published difference needs, as in the claims of the report."""
    a, b = frame.cells
    known = load_claims(root / "results/claims.yaml")
    gap = published_gap(known, a.head["preset"], frame.name, frame.scored_by, (a.name, b.name))
    return comparison(frame, summarise(frame), gap)


def _runs(frame: TaskFrame, listed: Sequence[str]) -> Plot:
    """Draw the headline metric with the runs of each pair joined, which intervals of the single methods do not show."""
    a, b = frame.cells
    metric = frame.scored_by
    one, other = a.paired(b, metric)
    known = b.units(metric).index
    names = [unit for unit in a.units(metric).index if unit in known]
    label = labelled(frame.metrics[metric])
    with theme():
        fig = figure(3.0)
        ax = fig.subplots()
        ax.vlines(range(len(names)), other, one, color=REFERENCE, lw=1)
        for cell, values in ((a, one), (b, other)):
            ax.plot(range(len(names)), values, ls="", ms=6, label=cell.name, **look(cell.method, "", listed).points)
        unit = "learnt reward" if a.rewards else "seed"
        ax.set(xticks=range(len(names)), xticklabels=names, xlabel=unit, ylabel=label)
        ax.grid(axis="x", visible=False)
        ax.legend()
        drawn = svg(fig)
    return Plot(
        f"{frame.name}-runs",
        f"Run by run: {label}",
        f"Each line joins the two runs of one {unit}, which share their batches, latents or resets.",
        f"{a.name} and {b.name} at the end of training, by {unit}.",
        drawn,
    )
