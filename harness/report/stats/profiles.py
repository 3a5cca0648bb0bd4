"""Methods over several tasks: how large a share of runs is beyond a score, and how soon a target is met.

Axes: T tasks, S seeds, N methods, G points of a grid, P scored points of a run.
"""

from __future__ import annotations

import numpy as np

from harness.report.stats import statistics as st

GRID = np.linspace(0.0, 1.2, 61)  # of normalised scores: 0 actions at random, 1 the expert
RATIOS = np.geomspace(1.0, 16.0, 65)  # of times to the fastest method's


@st.finite
def performance(scores: np.ndarray, grid: np.ndarray = GRID) -> np.ndarray:
    """F(tau) of scores [..., T, S] -> [..., G]: the share of runs beyond tau, mean over tasks (Agarwal et al. 2021)."""
    return np.stack([(scores > tau).mean(axis=(-2, -1)) for tau in grid], axis=-1)


@st.finite
def band(scores: np.ndarray, rng: np.random.Generator, grid: np.ndarray = GRID) -> tuple[np.ndarray, np.ndarray]:
    """Pointwise 95 % interval of `performance` of scores [T, S]: low and high [G], seeds redrawn within each task."""
    return st.stratified_bootstrap(scores, lambda drawn: performance(drawn, grid), rng)


@st.finite
def time_to_target(steps: np.ndarray, values: np.ndarray, target: float, higher_is_better: bool = True) -> float:
    """The first of the steps [P] at which a run's values [P] reach the target; inf where none does."""
    met = values >= target if higher_is_better else values <= target
    return float(steps[met].min()) if met.any() else np.inf


def fastest_ratios(times: np.ndarray, ratios: np.ndarray = RATIOS) -> np.ndarray:
    """Times [N, T] to target -> [N, G]: the share of tasks that a method meets within `ratio` of the fastest method's
    time.

    A task that no method meets counts for none (as in AlgoPerf, Dahl et al. 2023). Times may be infinite, but not NaN.
    """
    st.refuse("fastest_ratios", "times", np.isnan(times))
    best = times.min(axis=0)
    ratio = np.divide(times, best, out=np.full_like(times, np.inf), where=np.isfinite(best))
    return (ratio[:, :, None] <= ratios).mean(axis=1)
