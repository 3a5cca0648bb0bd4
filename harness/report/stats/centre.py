"""Summarise a curve over seeds by its middle and the spread around it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from harness.report.stats.statistics import iqm


def centre(rows: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """Return columns x, low (25 %), middle (IQM) and high (75 %), over the seeds that have a finite value at each x.

    Raises ValueError if a seed has two values at one x.
    """
    at, place = np.unique(rows[x].to_numpy(), return_inverse=True)
    seeds, run = np.unique(rows["seed"].to_numpy(), return_inverse=True)
    if len(rows) > len(np.unique(place * len(seeds) + run)):
        raise ValueError(f"a seed has two values of {y!r} at one {x!r}")
    wide = np.full((len(at), len(seeds)), np.nan)
    wide[place, run] = rows[y].to_numpy(dtype=float)
    counts = np.isfinite(wide).sum(1)  # seeds may have failed on the way
    made = np.full((len(at), 3), np.nan)
    for count in np.unique(counts[counts > 0]):
        same = wide[counts == count]
        values = same[np.isfinite(same)].reshape(len(same), count)  # [P, S']
        low, high = np.quantile(values, [0.25, 0.75], axis=1)
        made[counts == count] = np.stack([low, iqm(values[:, None]), high], axis=1)
    known = counts > 0
    return pd.DataFrame({"x": at[known], **dict(zip(("low", "middle", "high"), made[known].T, strict=True))})
