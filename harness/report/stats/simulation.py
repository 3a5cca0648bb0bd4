"""Simulate whether the statistics of this report keep their promises, at the numbers of seeds in use.

Axes: E experiments, S seeds, M methods beside a baseline. There are two populations of runs: a normal one, and one in
which a fifth of the runs collapses to a floor score. The runs of two methods on one seed share half of their variance.
Every number depends only on its own names, so that a part can be drawn again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import optimize, stats

from harness.report.stats import power, significance
from harness.report.stats import statistics as st
from harness.report.stats.simulated import METHODS, RULES, Row

SEEDS = (5, 10, 20)
EXPERIMENTS = 2000
RESAMPLES = 1000
FLIPS = 4000  # sign patterns that are drawn if all are too many
COLLAPSE, FLOOR = 0.2, -10.0  # the share of runs that collapse, and their score in standard deviations of the others
RHO = 0.5  # correlation of two methods' runs on one seed
EFFECT = 1.0  # between the two methods of a comparison, in standard deviations of a run
Interval = Callable[[np.ndarray], tuple[float, float]]


class Quantity(NamedTuple):
    """A quantity that an interval is to contain: its true value by distribution, and the methods of an interval.

    Each method computes an interval from a drawn pair of runs [2, S].
    """

    truth: dict[str, float]
    intervals: dict[str, Interval]  # the one in use comes first


def _middle_of_collapsed() -> float:
    """Return the interquartile mean of the collapsed population: the mean of a normal one between two quantiles."""
    low, high = stats.norm.ppf([(st.TRIMMED - COLLAPSE) / (1 - COLLAPSE), (1 - st.TRIMMED - COLLAPSE) / (1 - COLLAPSE)])
    return float((stats.norm.pdf(low) - stats.norm.pdf(high)) / (stats.norm.cdf(high) - stats.norm.cdf(low)))


def _better_of_collapsed() -> float:
    """Return P(better) when runs collapse: both are well, only the other collapsed, or both did, which is a tie."""
    well = 1 - COLLAPSE
    return float(well**2 * stats.norm.cdf(EFFECT / np.sqrt(2)) + well * COLLAPSE + COLLAPSE**2 / 2)


def _percentile(cut: Callable[[int], tuple[float, float]]) -> Interval:
    """Return a percentile bootstrap of the interquartile mean that ends at other quantiles.

    cut: a function from S to the two quantiles.
    """
    return lambda x: tuple(np.quantile(st.iqm_resamples(x[0], RESAMPLES), cut(x.shape[1])))


def _hesterberg(n: int) -> tuple[float, float]:
    low = stats.norm.cdf(np.sqrt(n / (n - 1)) * stats.t.ppf(0.025, n - 1))
    return low, 1 - low


def _bca(x: np.ndarray) -> tuple[float, float]:
    """Return the bias-corrected and accelerated bootstrap interval (Efron 1987).

    Scipy's function draws its own resamples, which is too slow for thousands of calls.
    """
    own, n = x[0], x.shape[1]
    drawn, estimate = st.iqm_resamples(own, RESAMPLES), st.iqm(own[None])
    below = (drawn < estimate).mean() + (drawn == estimate).mean() / 2
    bias = stats.norm.ppf(np.clip(below, 1 / RESAMPLES, 1 - 1 / RESAMPLES))
    without = st.iqm(own[np.array([np.delete(np.arange(n), i) for i in range(n)])][:, None])
    gap = without.mean() - without
    scale = 6 * (gap**2).sum() ** 1.5
    acceleration = (gap**3).sum() / scale if scale else 0.0
    z = bias + stats.norm.ppf([0.025, 0.975])
    return tuple(np.quantile(drawn, stats.norm.cdf(bias + z / (1 - acceleration * z))))


def _difference(x: np.ndarray) -> tuple[float, float]:
    found = st.paired_difference(x[0], x[1])
    return found.low, found.high


def _improvement_percentile(x: np.ndarray) -> tuple[float, float]:
    """Return the percentile interval at 2.5 and 97.5 %, which has no width if all runs of one method are better."""
    drawn, n = st.resamples(x.shape[1], RESAMPLES), x.shape[1]
    wins = (x[0][:, None] > x[1]) + 0.5 * (x[0][:, None] == x[1])
    return tuple(np.quantile(((drawn @ wins) * drawn).sum(1) / n**2, [0.025, 0.975]))


QUANTITIES = {
    "interquartile mean": Quantity(
        {"normal": EFFECT, "collapsed": EFFECT + _middle_of_collapsed()},
        {
            "percentile bootstrap": lambda x: st.iqm_interval(x[0], count=RESAMPLES),
            "expanded percentile bootstrap": _percentile(st.expanded),
            "expanded as in Hesterberg 2015": _percentile(_hesterberg),
            "BCa bootstrap": _bca,
        },
    ),
    "mean difference": Quantity({"normal": EFFECT, "collapsed": EFFECT * (1 - COLLAPSE)}, {"paired t": _difference}),
    "P(better)": Quantity(
        {"normal": float(stats.norm.cdf(EFFECT / np.sqrt(2))), "collapsed": _better_of_collapsed()},
        {
            "expanded percentile bootstrap": lambda x: st.improvement_interval(x[0], x[1], True, count=RESAMPLES),
            "percentile bootstrap": _improvement_percentile,
        },
    ),
}
PREDICTION = "a further run"


def pairs(distribution: str, effect: float, n: int, rng: np.random.Generator, methods: int = 1) -> np.ndarray:
    """Draw runs [methods + 1, S] on shared seeds; the last row is the baseline, lower by effect unless it collapsed."""
    runs = np.sqrt(RHO) * rng.normal(size=n) + np.sqrt(1 - RHO) * rng.normal(size=(methods + 1, n))
    runs[:-1] += effect
    if distribution == "collapsed":
        runs = np.where(rng.random(runs.shape) < COLLAPSE, FLOOR, runs)
    return runs


def covered(
    quantity: str, interval: Interval, distribution: str, n: int, experiments: int, again: str = ""
) -> np.ndarray:
    """Return for each experiment [E] whether the interval contained the truth.

    again: a word that gives other draws than those of the table.
    """
    rng, truth = (
        st.generator("coverage", quantity, distribution, str(n), again),
        QUANTITIES[quantity].truth[distribution],
    )
    ends = np.array([interval(pairs(distribution, EFFECT, n, rng)) for _ in range(experiments)])
    return (ends[:, 0] <= truth) & (truth <= ends[:, 1])


def predicted(interval: Interval, distribution: str, n: int, experiments: int, again: str = "") -> np.ndarray:
    """Return for each experiment [E] whether a further run fell into the prediction interval of n runs."""
    rng = st.generator("coverage", PREDICTION, distribution, str(n), again)
    drawn = [pairs(distribution, 0.0, n + 1, rng)[0] for _ in range(experiments)]
    return np.array([low <= x[-1] <= high for x in drawn for low, high in [interval(x[:-1])]])


def coverage(experiments: int = EXPERIMENTS) -> list[Row]:
    """Return how often each nominal 95 % interval contains the truth."""
    rows = []
    for distribution in ("normal", "collapsed"):
        for n in SEEDS:
            for name, quantity in QUANTITIES.items():
                for place, (method, interval) in enumerate(quantity.intervals.items()):
                    held = covered(name, interval, distribution, n, experiments)
                    rows.append(_share(f"coverage: {name}", method, place == 0, distribution, n, held))
            held = predicted(st.prediction_interval, distribution, n, experiments)
            rows.append(_share(f"coverage: {PREDICTION}", "prediction interval", True, distribution, n, held))
    return rows


def adjusted(runs: np.ndarray) -> np.ndarray:
    """Return Holm's p [M] of each method against the last row of runs [M + 1, S], by sign flips."""
    rng = st.generator("coverage", "flips", str(runs.shape[1]))
    return significance.holm([significance.sign_flip_p(d, rng, max(FLIPS, 2**10)) for d in runs[:-1] - runs[-1]])


def false_alarms(distribution: str, n: int, experiments: int, again: str = "") -> tuple[np.ndarray, np.ndarray]:
    """Return two arrays [E] for a family without any difference.

    The first says whether any method passes the test, the second whether any is called better or worse.
    """
    rng, passed, called = st.generator("coverage", "family", distribution, str(n), again), [], []
    for _ in range(experiments):
        runs = pairs(distribution, 0.0, n, rng, METHODS)
        hits = np.flatnonzero(adjusted(runs) < significance.ALPHA)
        passed.append(len(hits) > 0)
        called.append(any(_clear(runs[i], runs[-1]) for i in hits))
    return np.array(passed), np.array(called)


def _clear(a: np.ndarray, b: np.ndarray) -> bool:
    """Return whether P(better) is clear enough for the verdict, which needs this in addition to the test."""
    if a.mean() < b.mean():
        a, b = b, a
    enough = st.improvement(a[None], b[None], True) >= st.LARGE_IMPROVEMENT
    return enough and st.improvement_interval(a, b, True, count=RESAMPLES)[0] > 0.5


def errors(experiments: int = EXPERIMENTS) -> list[Row]:
    """Return the family-wise error at the numbers of seeds that are tested."""
    rows = []
    for distribution in ("normal", "collapsed"):
        passed, called = false_alarms(distribution, 10, experiments)
        rows.append(_share("family-wise error", f"sign flips, Holm over {METHODS}", True, distribution, 10, passed))
        rows.append(_share("family-wise error", "verdict: also P(better)", True, distribution, 10, called))
    return rows


def found(rule: str, distribution: str, n: int, experiments: int) -> Callable[[float], float]:
    """Return a function from an effect in standard deviations to how often it is found, with the same draws for all."""

    def share(effect: float) -> float:
        rng, hits = st.generator("coverage", "power", distribution, str(n)), 0
        for _ in range(experiments):
            a, b = pairs(distribution, effect, n, rng)
            p = significance.sign_flip_p(a - b, st.generator("coverage", "flips", str(n)), FLIPS)
            strict = significance.ALPHA / (1 if rule == RULES[0] else METHODS)
            hits += p < strict and a.mean() > b.mean() and (rule != RULES[2] or _clear(a, b))
        return hits / experiments

    return share


def smallest(experiments: int = EXPERIMENTS // 4) -> list[Row]:
    """Return the smallest differences of means that are found with 80 % power; inf if none is."""
    rows = []
    for n in SEEDS:
        t = power.smallest_difference(n)
        rows.append(Row("smallest difference found", "paired t interval without 0", True, "normal", n, t, 0.0, 0))
        for rule in RULES:
            share = found(rule, "normal", n, experiments)
            slope = stats.norm.pdf(stats.norm.ppf(power.POWER)) * np.sqrt(n)  # of the power over the difference, about
            error = np.sqrt(power.POWER * (1 - power.POWER) / experiments) / slope
            value = (
                np.inf
                if share(20.0) < power.POWER
                else optimize.bisect(lambda e, share=share: share(e) - power.POWER, 0.0, 5.0, xtol=0.01)
            )
            rows.append(
                Row("smallest difference found", f"sign flips, {rule}", True, "normal", n, value, error, experiments)
            )
    return rows


def _share(quantity: str, method: str, used: bool, distribution: str, n: int, hits: np.ndarray) -> Row:
    value = float(hits.mean())
    return Row(
        quantity, method, used, distribution, n, value, float(np.sqrt(value * (1 - value) / len(hits))), len(hits)
    )
