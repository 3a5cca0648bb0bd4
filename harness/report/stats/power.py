"""Compute how many seeds a difference needs, and which difference a number of seeds can find.

The number of seeds must be declared before the runs: to add seeds until p falls is not a valid test.

Differences are in the unit of the scores if `sd` is given, and in standard deviations otherwise. Comparisons use
Student's t, either paired (sd is that of the differences over shared seeds) or unpaired (sd is that of the runs of one
method, with equally many runs for each).
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from harness.report.stats.significance import ALPHA
from harness.report.stats.statistics import finite

POWER = 0.8
MOST = 100_000  # seeds; larger numbers are reported as infinite


@finite
def power(effect: float, n: int, alpha: float = ALPHA, paired: bool = True) -> float:
    """Return the chance of a two-sided p < alpha with n >= 2 seeds.

    effect: the difference in standard deviations.
    n: the number of seeds.
    alpha: the level of the test.
    paired: whether the runs share their seeds.
    """
    degrees, factor = (n - 1, n) if paired else (2 * n - 2, n / 2)
    edge = special.stdtrit(degrees, alpha / 2) ** 2  # t squared is F, whose non-central form scipy has for all effects
    return float(1 - special.ncfdtr(1, degrees, effect**2 * factor, edge))


@finite
def seeds_needed(delta: float, sd: float, alpha: float = ALPHA, wanted: float = POWER, paired: bool = True) -> float:
    """Return the fewest seeds that find a difference delta with the wanted power; inf beyond MOST.

    The textbook formula (1.96 + 0.84)^2 sd^2 / delta^2 (twice that if unpaired) assumes that the spread is known; a t
    test of few seeds needs more.
    """
    if sd == 0:
        return 2.0 if delta else math.inf
    effect = abs(delta) / sd
    low, high = 1, 2  # the power is too small at low
    while high <= MOST and power(effect, high, alpha, paired) < wanted:
        low, high = high, 2 * high
    if high > MOST:
        return math.inf
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(effect, middle, alpha, paired) >= wanted else (middle, high)
    return float(high)


@finite
def seeds_to_decide(d: np.ndarray, delta: float | None = None, comparisons: int = 1, alpha: float = ALPHA) -> float:
    """Return how many seeds a paired comparison needs, estimated from the differences d [S] of a pilot.

    Tables, claims and the terminal all use this one answer. Returns inf if no number of seeds up to MOST is enough, and
    NaN if S < 2, from which the spread cannot be estimated.

    delta: the smallest difference of interest; default: the pilot's own mean, which is right only if it is the truth.
    comparisons: the size of the family that Holm's method adjusts for, at its strictest step, which the sign-flip test
        must be able to pass.
    alpha: the level of the test.
    """
    if len(d) < 2:
        return math.nan
    strict = alpha / comparisons
    fewest = math.floor(math.log2(2 / strict)) + 1  # the first n with 2 / 2^n < strict
    return max(float(fewest), seeds_needed(d.mean() if delta is None else delta, d.std(ddof=1), strict))


@finite
def smallest_difference(n: int, alpha: float = ALPHA, wanted: float = POWER, paired: bool = True) -> float:
    """Return the smallest difference, in standard deviations, that n seeds find with the wanted power."""
    from scipy import optimize

    return float(optimize.brentq(lambda effect: power(effect, n, alpha, paired) - wanted, 1e-6, 25 / math.sqrt(n)))
