"""Summarise a curve over seeds by its middle and the spread around it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from harness.report.stats.statistics import iqm


def centre(rows: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """Return columns x, low (25 %), middle (IQM) and high (75 %), over the seeds that have a value at each x."""
    wide = rows.pivot(index=x, columns="seed", values=y).dropna(how="all")
    parts = []
    for count, same in wide.groupby(wide.notna().sum(axis=1)):  # seeds may have failed on the way
        values = same.to_numpy(dtype=float)
        values = values[np.isfinite(values)].reshape(len(same), count)  # [P, S']
        low, high = np.quantile(values, [0.25, 0.75], axis=1)
        middle = iqm(values[:, None])
        parts.append(pd.DataFrame({"x": same.index, "low": low, "middle": middle, "high": high}))
    return pd.concat(parts).sort_values("x", ignore_index=True)
