"""Draw the measured speeds as one figure: the ratio of our times to theirs, beside the aims."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.report.figures.style import COLOURS, REFERENCE, Plot, figure, svg, theme
from harness.report.records.measured import cost, load_measured, met, stated


def draw(folder: Path) -> list[Plot]:
    """Draw the ratio of our time to theirs as a dot with its range for each compared quantity; none without one."""
    rows = [(record, row) for record in load_measured(folder) for row in record["rows"] if row["ratio"]]
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
            "Median and range of the ratio within pairs, each on one processor, which the tables name; throughputs are "
            "shown as times. Vertical bar: the aim, if the "
            "project states one. Orange: the median misses the aim. Five seeds against one do five times the work.",
            f"Time ratios of {len(rows)} comparisons with their ranges and aims.",
            drawn,
        )
    ]


def _bound(row: dict[str, Any]) -> float | None:
    """Return the aim of a ratio as a ratio of times, or None."""
    value = stated(row, "ratio")
    return 1 / value if value is not None and row["higher_is_better"] else value
