"""Test differences, and adjust a family of tests.

Axes: S seeds, M comparisons. Paired runs are tested by sign flips and adjusted by Holm (1979), runs that share no seeds
by Welch's test and rank sums, and equivalence by two one-sided tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from harness.report.stats.statistics import LEVEL, finite

ALPHA = 0.05
EXACT_FLIPS = 100_000  # up to this many sign patterns are enumerated; beyond it they are sampled
FEWEST_FOR_TEST = 9  # 12 comparisons * 2 / 2^9 = 0.047: the first n that can pass Holm at 5 %


@cache
def _patterns(n: int) -> np.ndarray:
    """Return all sign patterns [2^S, S]."""
    return 1.0 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)


@finite
def sign_flip_p(d: np.ndarray, rng: np.random.Generator | None = None, flips: int = EXACT_FLIPS) -> float:
    """Return the two-sided p of mean(d) = 0 under sign flips of the paired differences d [S].

    All 2^S patterns are counted, the observed one among them, so p >= 2 / 2^S. If there are more than `flips` patterns,
    that many are drawn and p = (1 + hits) / (1 + draws).

    rng: the generator of these draws.
    flips: the largest number of patterns.
    """
    n = len(d)
    exact = 2**n <= flips
    if exact:
        signs = _patterns(n)
    elif rng is None:
        raise ValueError(f"{n} differences need a generator, because 2^{n} sign patterns are too many")
    else:
        signs = rng.choice([-1, 1], size=(flips, n))
    observed = abs(d.sum())
    # Patterns that tie with the observed sum must count, although rounding may make them differ.
    hits = int((np.abs(signs @ d) >= observed - 1e-12 * np.abs(d).sum()).sum())
    return hits / len(signs) if exact else (1 + hits) / (1 + len(signs))


@finite
def holm(given: Sequence[float]) -> np.ndarray:
    """Return the step-down adjusted p [M] (Holm 1979), in the order given."""
    p = np.asarray(given, dtype=float)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def can_reach_significance(n: int, comparisons: int, alpha: float = ALPHA) -> bool:
    """Return whether the smallest adjusted p, comparisons * 2 / 2^n, can be below alpha."""
    return n >= FEWEST_FOR_TEST and comparisons * 2 / 2**n <= alpha


@dataclass(frozen=True)
class Unpaired:
    """The mean of a minus the mean of b with Welch's interval, and the p of Welch's test and of the rank-sum test."""

    mean: float
    low: float
    high: float
    welch_p: float
    rank_sum_p: float


@finite
def unpaired_difference(a: np.ndarray, b: np.ndarray, level: float = LEVEL) -> Unpaired:
    """Compare the scores a [S] and b [S'] of runs that share no seeds, e.g. another project's; at least two of each."""
    from scipy import stats  # it takes a second to load, and only external runs need it

    welch = stats.ttest_ind(a, b, equal_var=False)
    low, high = welch.confidence_interval(level)
    ranks = stats.mannwhitneyu(a, b, alternative="two-sided")
    return Unpaired(float(a.mean() - b.mean()), float(low), float(high), float(welch.pvalue), float(ranks.pvalue))


@finite
def equivalence_p(d: np.ndarray, margin: float) -> float:
    """Return the p of equivalence: that the mean of the paired differences d [S] lies within the margin.

    It is the larger p of two one-sided t tests.
    """
    from scipy import stats

    above = stats.ttest_1samp(d, -margin, alternative="greater").pvalue
    below = stats.ttest_1samp(d, margin, alternative="less").pvalue
    return float(max(above, below))
