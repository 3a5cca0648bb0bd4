"""Define the style of every figure: one colour, dash and marker for each method name, and deterministic bytes.

The colours are those of Okabe and Ito (distinguishable with any colour vision) without the pale yellow, plus a dark
wine red and an olive. The 9 colours, 4 dashes and 7 markers repeat at periods without a common factor, so that all 252
places look different; places fewer than 28 apart differ by dash or marker, not only by colour. The place of a name
never changes: it is that in `report.looks`, or else one computed from its letters among the places behind that list.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.remembered import Remembered, digest
from harness.report.figures.slim import slim
from harness.report.records import code

if TYPE_CHECKING:  # loading matplotlib takes half a second, and `bench compare` draws nothing
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#882255",
    "#000000",
    "#6A6A00",
)
DASHES = ("-", (0, (5, 1.6)), (0, (1.4, 1.2)), (0, (6, 1.4, 1.4, 1.4)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
REFERENCE = "#5B5B5B"  # for floors, baselines and published values; never a method's colour
MOST_LISTED = 126  # the most names in `report.looks`; the other half of all places is for names outside it
WIDE_RANGE = 20  # the ratio of largest to smallest value from which an axis is logarithmic
WIDTH = 7.2  # inch: one column of the page at its native size
BELOW = 0.28  # inch from axes at fixed places to the label of the x-axis

THEME: dict[Any, Any] = {  # what differs from Seaborn's white grid
    "axes.edgecolor": "#444444",
    "axes.titlesize": 10,
    "axes.labelsize": 9.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "axes.titley": 1.0,
    "legend.frameon": False,
    "legend.handlelength": 2.8,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.6,
    "lines.markersize": 5,
    "svg.hashsalt": "bench",
    "svg.fonttype": "none",
    "axes.unicode_minus": True,
}


@dataclass(frozen=True)
class Style:
    """The style of one method's name, and its title for readers."""

    label: str
    colour: str
    dash: Any
    marker: str

    @property
    def line(self) -> dict[str, Any]:
        return {"color": self.colour, "linestyle": self.dash}

    @property
    def points(self) -> dict[str, Any]:
        return {"color": self.colour, "marker": self.marker}


@dataclass(frozen=True)
class Plot:
    """A finished figure: its file name without suffix, words for readers, and SVG bytes.

    method: the method on whose page it is; '' for the task's page.
    """

    name: str
    title: str
    caption: str
    alt: str
    svg: bytes
    method: str = ""


def styles(params: dict[str, Any]) -> dict[str, Style]:
    """Return a style for each method name of the parameters, with the title of the first block that has one."""
    mine = [pair for block in params.get("methods", {}).values() for pair in (block or {}).items()]
    titles = {name: block["title"] for name, block in reversed(mine) if "title" in block}
    listed = params.get("report", {}).get("looks", [])
    return {name: look(name, titles.get(name, name), listed) for name, _ in mine}


def look(name: str, title: str, listed: Sequence[str]) -> Style:
    """Return the style of one name, which does not depend on other unlisted names.

    listed: the names in `report.looks`.
    """
    place = listed.index(name) if name in listed else _elsewhere(name)
    return Style(title, COLOURS[place % len(COLOURS)], DASHES[place % len(DASHES)], MARKERS[place % len(MARKERS)])


def _elsewhere(name: str) -> int:
    """Return a place behind any list, which depends only on the name."""
    digest = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    return MOST_LISTED + digest % (len(COLOURS) * len(DASHES) * len(MARKERS) - MOST_LISTED)


def shades(count: int) -> list[Any]:
    """Return ordered colours, from dark to light but never pale, for the values of one swept parameter."""
    import matplotlib

    return list(matplotlib.colormaps["viridis"](np.linspace(0, 0.75, count)))


@contextmanager
def theme() -> Iterator[None]:
    """Use Seaborn's white grid at the page's type size, regardless of the user's own settings."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_white_grid() | THEME)
        yield


@cache
def _white_grid() -> dict[str, Any]:
    """Return Seaborn's settings, remembered for this code, because importing it takes longer than drawing a figure."""
    with Remembered(code.PROJECT, "theme", most=4) as before:
        return before.get(digest(code.state().encode()), _seaborn)


def _seaborn() -> dict[str, Any]:
    import seaborn as sns

    grid = sns.axes_style("whitegrid", {"font.family": ["DejaVu Sans"]})
    del grid["image.cmap"]  # one of Seaborn's, which only its import makes known
    return {**sns.plotting_context("paper"), **grid}


def figure(height: float, width: float = WIDTH) -> Figure:
    """Return an empty figure outside pyplot's global list.

    height: the height in inches.
    width: the width in inches.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def panels(
    size: tuple[float, float],
    shape: tuple[int, int],
    margins: tuple[float, float, float, float],
    gaps: tuple[float, float] = (0, 0),
    sharex: bool = False,
) -> tuple[Figure, list[Axes]]:
    """Return an empty figure with a grid of axes at fixed places, and the axes by row. The next such call empties it.

    Fitting the margins to the labels takes a third of the time of a figure, and making axes and ticks takes half of
    the rest. So the figures of which there are most do without the first, and share their axes. Labels of axes are
    below the numbers and at the left edge.

    size: the width and the height in inches.
    shape: the numbers of rows and columns.
    margins: left, right, bottom and top in inches.
    gaps: between columns and between rows in inches.
    sharex: whether they have one x-axis.
    """
    (width, height), (rows, columns), (left, right, bottom, top) = size, shape, margins
    fig, axes = _canvas(size, shape, sharex)
    across = (width - left - right - gaps[0] * (columns - 1)) / columns
    up = (height - bottom - top - gaps[1] * (rows - 1)) / rows
    fig.subplots_adjust(left / width, bottom / height, 1 - right / width, 1 - top / height)
    fig.subplots_adjust(wspace=gaps[0] / across, hspace=gaps[1] / up)
    for artist in [*fig.legends, *fig.texts]:
        artist.remove()
    for place, ax in enumerate(axes):
        _empty(ax, numbered=not sharex or place >= len(axes) - columns)
        ax.xaxis.set_label_coords(0.5, -BELOW / up)
        ax.yaxis.set_label_coords((0.05 - left) / across, 0.5 if rows > 1 else (height / 2 - bottom) / up)
        ax.yaxis.label.set_verticalalignment("top")
    return fig, axes


@cache
def _canvas(size: tuple[float, float], shape: tuple[int, int], sharex: bool) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    fig = Figure(figsize=size, dpi=72)  # that of SVG, so that text is measured as it is drawn
    return fig, list(fig.subplots(*shape, squeeze=False, sharex=sharex).ravel())


def _empty(ax: Axes, numbered: bool) -> None:
    """Bring axes into the state of new ones.

    numbered: whether their x-axis has numbers.
    """
    for artist in [*ax.lines, *ax.collections]:
        artist.remove()
    ax.set(xscale="linear", yscale="linear", title="", xlabel="", ylabel="", visible=True)  # with their own ticks
    ax.set_prop_cycle(None)
    ax.tick_params(labelbottom=numbered, labelleft=True)
    ax.relim()
    ax.autoscale()


def stretch(ax: Axes, axis: str, values: np.ndarray, wide: float = WIDE_RANGE) -> None:
    """Make an axis logarithmic, with plain numbers, if positive values span a wide range."""
    values = values[np.isfinite(values)]
    if not len(values) or values.min() <= 0 or values.max() / values.min() <= wide:
        return
    from matplotlib.ticker import LogLocator, NullLocator

    subs = (1.0,) if values.max() / values.min() > 100 else (1.0, 2.0, 5.0)
    getattr(ax, f"set_{axis}scale")("log")
    getattr(ax, f"{axis}axis").set_major_locator(LogLocator(subs=subs))
    getattr(ax, f"{axis}axis").set_major_formatter("{x:g}")
    getattr(ax, f"{axis}axis").set_minor_locator(NullLocator())  # the theme shows none, and they take time
    ax.autoscale_view()


def dwarfed(ax: Axes, values: np.ndarray, share: float = 10) -> None:
    """Make an axis logarithmic beyond -1 and 1 if a few values are more than `share` times the median."""
    values = values[np.isfinite(values)]
    if len(values) and np.abs(values).max() > share * np.median(np.abs(values)):
        ax.set_yscale("symlog", linthresh=1)
        ax.yaxis.set_major_formatter("{x:g}")
        ax.autoscale_view()


def svg(fig: Figure) -> bytes:
    """Return the figure as SVG without dates or versions, so that equal data give equal bytes."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    for spine in (spine for ax in fig.axes for spine in ax.spines.values()):
        spine.set_in_layout(False)  # it is on the edge of its axes, and measuring it takes a seventh of the time
    for axis in (axis for ax in fig.axes for axis in (ax.xaxis, ax.yaxis) if not axis.get_label_text()):
        axis.set_label_coords(0, 0)
    buffer = io.StringIO()
    empty = {"Date": None, "Creator": None, "Format": None, "Type": None}
    FigureCanvasSVG(fig).print_svg(buffer, metadata=empty)  # savefig would draw it twice, first only for the layout
    return slim(buffer.getvalue())
