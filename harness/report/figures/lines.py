"""Draw lines over seeds: the interquartile mean with a band, on one pair of axes or on a grid of panels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from harness.report.figures.style import REFERENCE, WIDE_RANGE, WIDTH, Style, figure, panels, stretch
from harness.report.tables.spelling import wrapped

if TYPE_CHECKING:  # loading matplotlib takes half a second, and a page that has not changed draws nothing
    from matplotlib.axes import Axes
    from matplotlib.backend_bases import RendererBase
    from matplotlib.figure import Figure
    from matplotlib.text import Text

FEW = 5  # the most methods that are legible on one pair of axes
COLUMNS = 4  # of panels, if there are more
POINTS = 100  # the most points of a line: one for every three pixels of a panel
GHOST = "#C9C9C9"  # the colour of the other methods behind one
CENTRE = "Interquartile mean over the seeds"
BAND = "the band holds the middle half of the seeds"
LETTERS = 14  # the most letters of a label at the side, for each inch of the height
BELOW = 1.0  # inches of the height for the legend and the horizontal axis
GHOST_POINTS = 30  # fewer points for each of them, because they are in every panel


def thin(points: pd.DataFrame, most: int = POINTS) -> pd.DataFrame:
    """Return at most `most` rows, evenly spaced, the first and the last among them."""
    return points.iloc[even(len(points), most)]


def even(count: int, most: int = POINTS) -> np.ndarray:
    """Return at most `most` of the places 0 to count - 1, evenly spaced, the first and the last among them."""
    return np.linspace(0, count - 1, min(most, count)).round().astype(int)


def line(ax: Axes, points: pd.DataFrame, look: Style, band=True, markers=True) -> None:
    """Draw one method's line with its band, and a few markers that keep lines apart in a grey print."""
    points = thin(points)
    if band:
        ax.fill_between(points.x, points.low, points.high, color=look.colour, alpha=0.18, lw=0)
    ax.plot(
        points.x,
        points.middle,
        label=look.label,
        marker=look.marker if markers else None,
        markeredgewidth=0,
        markevery=max(1, len(points) // 6),
        **look.line,
    )


def compare(
    lines: dict[str, pd.DataFrame],
    looks: dict[str, Style],
    x: str,
    y: str,
    references: Iterable[float] = (),
    wide: float = WIDE_RANGE,
) -> Figure:
    """Draw all lines on one pair of axes; with more than FEW, each has its own panel with the others in grey.

    lines: the points of each method.
    looks: the styles of the methods.
    x: the label of the horizontal axis.
    y: the label of the vertical axis.
    references: values for dashed horizontal lines.
    wide: the ratio of largest to smallest value from which the vertical axis is logarithmic.
    """
    if len(lines) > FEW:
        return _apart(lines, looks, x, y, references, wide)
    fig = figure(3.2)
    ax = fig.subplots()
    for name, points in lines.items():
        line(ax, points, looks[name])
    for value in references:
        ax.axhline(value, color=REFERENCE, ls="--", lw=1)
    stretch(ax, "y", np.concatenate([points.middle for points in lines.values()]), wide)
    ax.set_xlabel(x)
    ax.set_ylabel(wrapped(y, int(LETTERS * (fig.get_figheight() - BELOW))))
    legend(fig, [ax])
    return fig


def _apart(
    lines: dict[str, pd.DataFrame],
    looks: dict[str, Style],
    x: str,
    y: str,
    references: Iterable[float],
    wide: float,
) -> Figure:
    """Draw each line in its own panel with the others in grey; arguments are those of `compare`."""
    words = {name: wrapped(looks[name].label, 18) for name in lines}
    fig, axes = _grid(len(lines), max(title.count("\n") for title in words.values()))
    gap = pd.DataFrame({"x": [np.nan], "middle": [np.nan]})  # one path for all grey lines
    others = pd.concat([part for points in lines.values() for part in (thin(points, GHOST_POINTS), gap)])
    titles = []
    for ax, (name, points) in zip(axes, lines.items(), strict=True):
        ax.plot(others.x, others.middle, color=GHOST, lw=0.7, zorder=1)
        line(ax, points, looks[name])
        for value in references:
            ax.axhline(value, color=REFERENCE, ls="--", lw=1)
        titles.append(ax.set_title(words[name], fontsize=9))
        ax.locator_params(axis="x", nbins=4)
        stretch(ax, "y", others.middle.to_numpy(), wide)
    align(axes)
    for place, ax in enumerate(axes):
        ax.tick_params(labelleft=place % COLUMNS == 0, labelbottom=place >= len(axes) - COLUMNS)
    labels = axes[0].yaxis.get_tightbbox(ruler(fig))
    fig.subplots_adjust(left=(0.4 + (labels.width / fig.dpi if labels else 0)) / WIDTH)
    fig.supylabel(wrapped(y, int(LETTERS * fig.get_figheight())), x=0.015, fontsize=9.5)
    fig.supxlabel(x, y=0.04 / fig.get_figheight(), va="bottom", fontsize=9.5)
    fit(fig, titles)
    return fig


def align(axes: list[Axes]) -> None:
    """Give all axes the limits that hold what any of them shows.

    Matplotlib's own shared axes work out the limits of all again for every line, which takes half of the time of a
    figure with fifty panels.
    """
    from matplotlib.transforms import Bbox

    first = axes[0]
    first.dataLim.set(Bbox.union([ax.dataLim for ax in axes]))
    first.autoscale_view()
    for ax in axes[1:]:
        ax.set(xlim=first.get_xlim(), ylim=first.get_ylim())


def fit(fig: Figure, titles: Iterable[Text]) -> None:
    """Reduce the type of titles that are wider than their panel."""
    if engine := fig.get_layout_engine():
        engine.execute(fig)
        fig.set_layout_engine("none")  # the places stay, and are not worked out again
    rule = ruler(fig)
    for title in titles:
        assert title.axes is not None, "a title of axes"
        room = title.axes.get_window_extent().width / title.get_window_extent(rule).width
        if room < 1:
            title.set_fontsize(0.9 * room * float(title.get_fontsize()))  # hinted glyphs shrink by less


def ruler(fig: Figure) -> RendererBase:
    """Return what measures text; without it Matplotlib makes one, as large as the figure, for each thing measured."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    return FigureCanvasAgg(fig).get_renderer()


def _grid(count: int, wraps: int) -> tuple[Figure, list[Axes]]:
    """Return a figure with `count` small panels and its visible axes.

    wraps: the most line breaks of a title.
    """
    rows, head = -(-count // COLUMNS), 0.28 + 0.15 * wraps
    fig, axes = panels(
        (WIDTH, 0.55 + (1.1 + head) * rows), (rows, COLUMNS), (0.8, 0.1, 0.5, head), gaps=(0.15, head + 0.07)
    )
    for ax in axes[count:]:
        ax.set_visible(False)
    return fig, axes[:count]


def legend(fig: Figure, axes: Iterable[Axes]) -> None:
    """Draw one legend below all panels."""
    found: dict[str, Any] = {}
    for ax in axes:
        handles, labels = ax.get_legend_handles_labels()
        found |= dict(zip(labels, handles, strict=True))
    fig.legend(found.values(), found.keys(), loc="outside lower center", ncol=balanced(len(found), 4))


def balanced(count: int, most: int) -> int:
    """Return the columns of a legend whose last row is as full as possible: 4 for 7 entries, not 6."""
    return -(-count // -(-count // most))
