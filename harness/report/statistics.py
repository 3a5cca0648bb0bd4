"""Statistics of runs: pure functions over named axes.

Axes: T tasks, S seeds (one training run each; the unit of every interval), R resamples,
M comparisons. Randomness comes from an explicit generator, so equal inputs give equal bytes.
The protocol follows Agarwal et al. 2021 (IQM, stratified bootstrap), Bouthillier et al. 2021
(probability of improvement) and Holm 1979.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

LEVEL = 0.95
RESAMPLES = 10_000
EXACT_FLIPS = 100_000  # enumerate all sign patterns up to this many, sample beyond
FEWEST_FOR_INTERVAL = 5  # at n = 3 a nominal 95 % bootstrap interval covers 74 %
FEWEST_FOR_TEST = 9  # 12 comparisons * 2 / 2^9 = 0.047: the first n that can pass Holm at 5 %
LARGE_IMPROVEMENT = 0.75  # P(better) from which a difference counts (Bouthillier et al. 2021)


def generator(*names: str) -> np.random.Generator:
    """A generator that depends on the names alone: a new method moves no other interval."""
    digest = hashlib.sha256("/".join(names).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def iqm(scores: np.ndarray) -> np.ndarray:
    """Interquartile mean of scores [..., T, S] -> [...]: drop floor(T*S/4) at each end, average."""
    pooled = scores.reshape(*scores.shape[:-2], -1)
    return stats.trim_mean(pooled, 0.25, axis=-1)


def stratified_bootstrap(
    scores: np.ndarray,
    statistic: Callable[[np.ndarray], np.ndarray],
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> tuple[float, float]:
    """Percentile interval of statistic([..., T, S] -> [...]), seeds redrawn within each task."""
    tasks, seeds = scores.shape
    picked = rng.integers(seeds, size=(resamples, tasks, seeds))
    values = statistic(scores[np.arange(tasks)[:, None], picked])  # [R]
    tail = (1 - level) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


@dataclass(frozen=True)
class Difference:
    """Mean of a - b over shared seeds, its paired t interval, and what the pairing bought.

    rho: correlation of a and b over seeds (nan where one is constant). At rho <= 0 the pairing
    bought nothing: var(a - b) = var a + var b - 2 rho sd a sd b.
    """

    mean: float
    low: float
    high: float
    rho: float
    n: int


def paired_difference(a: np.ndarray, b: np.ndarray, level: float = LEVEL) -> Difference:
    """a, b: [S] with the same seed at the same place. Needs two seeds for an interval."""
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"paired scores need one shape [S], got {a.shape} and {b.shape}")
    d, n = a - b, len(a)
    mean = float(d.mean())
    if n < 2:
        return Difference(mean, np.nan, np.nan, np.nan, n)
    half = float(stats.t.ppf((1 + level) / 2, n - 1) * d.std(ddof=1) / np.sqrt(n))
    constant = np.ptp(a) == 0 or np.ptp(b) == 0
    rho = np.nan if constant else float(np.corrcoef(a, b)[0, 1])
    return Difference(mean, mean - half, mean + half, rho, n)


def sign_flip_p(d: np.ndarray, rng: np.random.Generator | None = None) -> float:
    """Two-sided p of mean(d) = 0 under sign flips of the paired differences d [S].

    All 2^S patterns are counted (the observed one among them, so p >= 2 / 2^S); beyond
    EXACT_FLIPS patterns rng draws as many and p = (1 + hits) / (1 + draws).
    """
    n = len(d)
    if 2**n <= EXACT_FLIPS:
        signs = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)  # [2^S, S]
    elif rng is None:
        raise ValueError(f"{n} differences need a generator: 2^{n} sign patterns are too many")
    else:
        signs = rng.choice([-1, 1], size=(EXACT_FLIPS, n))
    observed = abs(d.sum())
    # Patterns that tie with the observed sum must count although rounding may part them.
    hits = int((np.abs(signs @ d) >= observed - 1e-12 * np.abs(d).sum()).sum())
    return hits / len(signs) if 2**n <= EXACT_FLIPS else (1 + hits) / (1 + len(signs))


def holm(p: Sequence[float]) -> np.ndarray:
    """Step-down adjusted p [M] (Holm 1979), in the order given."""
    p = np.asarray(p, dtype=float)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def can_reach_significance(n: int, comparisons: int, alpha: float = 0.05) -> bool:
    """Whether the smallest adjusted p, comparisons * 2 / 2^n, can lie below alpha."""
    return n >= FEWEST_FOR_TEST and comparisons * 2 / 2**n <= alpha


def improvement(a: np.ndarray, b: np.ndarray, higher_is_better: bool) -> float:
    """P(a run of a beats a run of b): a [T, S], b [T, S'], ties count one half, mean over tasks."""
    sign = 1 if higher_is_better else -1
    gap = sign * (a[:, :, None] - b[:, None, :])
    return float(((gap > 0) + 0.5 * (gap == 0)).mean(axis=(1, 2)).mean())


def prediction_interval(
    values: np.ndarray, published_runs: int = 1, level: float = LEVEL, variance_of_run: float | None = None
) -> tuple[float, float]:
    """Where the mean of published_runs further runs would fall, given ours: values [S], S >= 2.

    variance_of_run: of a single further run, where ours are already means of several.
    """
    n, variance = len(values), values.var(ddof=1)
    single = variance if variance_of_run is None else variance_of_run
    half = stats.t.ppf((1 + level) / 2, n - 1) * np.sqrt(variance / n + single / published_runs)
    return float(values.mean() - half), float(values.mean() + half)
