"""Lines over seeds: the interquartile mean with a band, on one pair of axes or on a grid of panels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.report.statistics import iqm
from harness.report.style import Style, figure


def centre(rows: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """Over the seeds that have a value at each x: columns x, low (25 %), middle (IQM), high (75 %)."""
    wide = rows.pivot(index=x, columns="seed", values=y).dropna(how="all")
    parts = []
    for count, same in wide.groupby(wide.notna().sum(axis=1)):  # seeds may have died on the way
        values = same.to_numpy(dtype=float)
        values = values[np.isfinite(values)].reshape(len(same), count)  # [P, S']
        low, high = np.quantile(values, [0.25, 0.75], axis=1)
        middle = iqm(values[:, None])
        parts.append(pd.DataFrame({"x": same.index, "low": low, "middle": middle, "high": high}))
    return pd.concat(parts).sort_values("x", ignore_index=True)


def line(ax: Axes, points: pd.DataFrame, look: Style, band=True, markers=True) -> None:
    """One method's line with its band; few markers, so that a grey print still parts the lines."""
    if band:
        ax.fill_between(points.x, points.low, points.high, color=look.colour, alpha=0.18, lw=0)
    sns.lineplot(
        points, x="x", y="middle", ax=ax, label=look.label, legend=False, errorbar=None,
        estimator=None, marker=look.marker if markers else None, markeredgewidth=0,
        markevery=max(1, len(points) // 6), **look.line,
    )  # fmt: skip
    ax.set(xlabel="", ylabel="")


def grid(count: int) -> tuple[Figure, list[Axes], int]:
    """A figure with `count` small panels that share their axes (or one large one); its columns."""
    if count == 1:
        fig = figure(3.2)
        return fig, [fig.subplots()], 1
    columns = 4
    rows = -(-count // columns)
    fig = figure(1.45 * rows + 0.4)
    axes = fig.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for ax in axes[count:]:
        ax.set_visible(False)
    return fig, list(axes[:count]), columns


def legend(fig: Figure, axes: Iterable[Axes]) -> None:
    """One legend below all panels."""
    found: dict[str, Any] = {}
    for ax in axes:
        handles, labels = ax.get_legend_handles_labels()
        found |= dict(zip(labels, handles, strict=True))
    fig.legend(found.values(), found.keys(), loc="outside lower center", ncol=min(4, len(found)))
