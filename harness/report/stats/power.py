"""How many seeds a difference needs, and what so many seeds can find.

Their number is declared before the runs: adding seeds until p falls is no test.

Differences are in the unit of the scores where `sd` is given, else in standard deviations. A comparison is by
Student's t, paired (sd: of the differences over shared seeds) or not (sd: of the runs of one method, as many runs for
each).
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from harness.report.stats.significance import ALPHA
from harness.report.stats.statistics import finite

POWER = 0.8
MOST = 100_000  # seeds; beyond it nothing is promised


@finite
def power(effect: float, n: int, alpha: float = ALPHA, paired: bool = True) -> float:
    """Chance of a two-sided p < alpha with n seeds, effect in standard deviations (n >= 2)."""
    degrees, factor = (n - 1, n) if paired else (2 * n - 2, n / 2)
    edge = special.stdtrit(degrees, alpha / 2) ** 2  # t squared is F, whose non-central form scipy gets for all effects
    return float(1 - special.ncfdtr(1, degrees, effect**2 * factor, edge))


@finite
def seeds_needed(delta: float, sd: float, alpha: float = ALPHA, wanted: float = POWER, paired: bool = True) -> float:
    """The fewest seeds that find a difference delta with the wanted power; inf beyond MOST.

    The textbook's (1.96 + 0.84)^2 sd^2 / delta^2 (twice that unpaired) takes the spread as known; a t test of few seeds
    needs more.
    """
    if sd == 0:
        return 2.0 if delta else math.inf
    effect = abs(delta) / sd
    low, high = 1, 2  # power is short at low
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
    """Seeds that a paired comparison would take, by a pilot's differences d [S]: one answer for table, claim, terminal.

    delta: the smallest difference of interest; without one the pilot's own mean, which is right only if that is the
    truth. comparisons: size of the family that Holm adjusts over, taken at its strictest; so many sign flips must be
    able to pass.
    Returns inf where no number of seeds up to MOST would do, and NaN where S < 2, which says nothing of the spread.
    """
    if len(d) < 2:
        return math.nan
    strict = alpha / comparisons
    fewest = math.floor(math.log2(2 / strict)) + 1  # the first n with 2 / 2^n < strict
    return max(float(fewest), seeds_needed(d.mean() if delta is None else delta, d.std(ddof=1), strict))


@finite
def smallest_difference(n: int, alpha: float = ALPHA, wanted: float = POWER, paired: bool = True) -> float:
    """In standard deviations: what n seeds find with the wanted power."""
    from scipy import optimize

    return float(optimize.brentq(lambda effect: power(effect, n, alpha, paired) - wanted, 1e-6, 25 / math.sqrt(n)))
