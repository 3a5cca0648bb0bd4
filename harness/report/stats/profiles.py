"""Compare methods over several tasks: the share of runs above a score, and the time until a target is met.

Axes: T tasks, S seeds, N methods, G points of a grid, P scored points of a run.
"""

from __future__ import annotations

import numpy as np

from harness.report.stats import statistics as st

GRID = np.linspace(0.0, 1.2, 61)  # normalised scores: 0 for random actions, 1 for the expert
RATIOS = np.geomspace(1.0, 16.0, 65)  # times divided by that of the fastest method


@st.finite
def performance(scores: np.ndarray, grid: np.ndarray = GRID) -> np.ndarray:
    """Return F(tau) [..., G] of scores [..., T, S]: the share of runs above tau, averaged over tasks.

    Source: Agarwal et al. 2021.
    """
    return np.stack([(scores > tau).mean(axis=(-2, -1)) for tau in grid], axis=-1)


@st.finite
def band(scores: np.ndarray, rng: np.random.Generator, grid: np.ndarray = GRID) -> tuple[np.ndarray, np.ndarray]:
    """Return the pointwise 95 % interval of `performance` of scores [T, S], as low and high [G].

    Seeds are resampled within each task.
    """
    return st.stratified_bootstrap(scores, lambda drawn: performance(drawn, grid), rng)


@st.finite
def time_to_target(steps: np.ndarray, values: np.ndarray, target: float, higher_is_better: bool = True) -> float:
    """Return the first of the steps [P] at which a run's values [P] reach the target; inf if none does."""
    met = values >= target if higher_is_better else values <= target
    return float(steps[met].min()) if met.any() else np.inf


def fastest_ratios(times: np.ndarray, ratios: np.ndarray = RATIOS) -> np.ndarray:
    """Return [N, G]: the share of tasks on which a method meets the target within each ratio of the fastest time.

    A task on which no method meets the target counts for none (as in AlgoPerf, Dahl et al. 2023).

    times: the times to the target [N, T], which may be infinite but not NaN.
    ratios: the ratios [G].
    """
    st.refuse("fastest_ratios", "times", np.isnan(times))
    best = times.min(axis=0)
    ratio = np.divide(times, best, out=np.full_like(times, np.inf), where=np.isfinite(best))
    return (ratio[:, :, None] <= ratios).mean(axis=1)
