"""A comparison of two methods as a page of its own, with the runs of both, seed by seed."""

from __future__ import annotations

from pathlib import Path

from harness.files import write_text
from harness.report.figures.style import COLOURS, MARKERS, REFERENCE, Plot, figure, svg, theme
from harness.report.page.compare import frames, table
from harness.report.page.page import environment
from harness.report.records.aggregate import summarise
from harness.report.records.frame import TaskFrame
from harness.report.tables.words import labelled


def write(root: Path, a: str, b: str, task: str | None, preset: str | None, path: Path) -> None:
    """The page at `path`; arguments and errors as in `compare.frames`."""
    parts = []
    for name, frame in frames(root, a, b, task, preset):
        title = f"{frame.name}{f', archived preset {name}' if name else ''}"
        parts.append((title, table(frame, summarise(frame)), _runs(frame)))
    text = environment().get_template("compare.html.j2").render(a=a, b=b, parts=parts)
    write_text(path, text)


def _runs(frame: TaskFrame) -> Plot:
    """The headline of every pair of runs, joined: what pairing sees and an interval of each method does not."""
    a, b = frame.cells
    one, other = a.paired(b, frame.headline)
    names = a.units(frame.headline).index
    with theme():
        fig = figure(3.0)
        ax = fig.subplots()
        ax.vlines(range(len(names)), other, one, color=REFERENCE, lw=1)
        for place, (cell, values) in enumerate(((a, one), (b, other))):
            ax.plot(range(len(names)), values, MARKERS[place], color=COLOURS[place], label=cell.name, ms=6)
        unit = "learnt reward" if a.rewards else "seed"
        ax.set(xticks=range(len(names)), xticklabels=names, xlabel=unit, ylabel=labelled(frame.metrics[frame.headline]))
        ax.grid(axis="x", visible=False)
        ax.legend()
        drawn = svg(fig)
    return Plot(
        f"{frame.name}-runs",
        f"Run by run: {labelled(frame.metrics[frame.headline])}",
        f"Each line joins the two runs of one {unit}, which share batches, latents or resets.",
        f"{a.name} and {b.name} at the end of training, by {unit}.",
        drawn,
    )
