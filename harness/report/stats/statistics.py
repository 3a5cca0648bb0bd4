"""Compute statistics of the scores of runs, with intervals, as pure functions over named axes.

Axes: T tasks, S seeds (one training run each; the unit of every interval), R resamples.
Every statistic raises BenchError if a number that it is given is NaN or infinite.
Randomness comes from an explicit generator or depends only on the number of seeds, so equal inputs give equal bytes and
a new method changes no other interval. The protocol follows Agarwal et al. 2021 (IQM, stratified bootstrap) and
Bouthillier et al. 2021 (probability of improvement). `simulation.py` measures how often the intervals hold.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, wraps
from statistics import correlation  # by exact sums; the last digit of numpy's depends on the processor
from typing import Any, ParamSpec, TypeVar

import numpy as np
from scipy import special  # importing scipy.stats would take most of the time of `bench compare`

from harness.errors import BenchError

LEVEL = 0.95
RESAMPLES = 10_000
TRIMMED = 0.25  # share of the scores that is dropped at each end
FEWEST_FOR_INTERVAL = 5  # at n = 3 a nominal 95 % bootstrap interval covers 74 %
FEWEST_FOR_T = 3  # of a paired t interval that decides something: that of two runs rests on a single number
LARGE_IMPROVEMENT = 0.75  # P(better) from which a difference counts (Bouthillier et al. 2021)


def generator(*names: str) -> np.random.Generator:
    """Return a generator that depends only on the names, so that a new method changes no other interval."""
    digest = hashlib.sha256("/".join(names).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


P = ParamSpec("P")
R = TypeVar("R")


def finite(statistic: Callable[P, R]) -> Callable[P, R]:
    """Make a statistic refuse NaN and infinite numbers in any argument, with a BenchError that names both.

    A comparison with NaN is false, so a count over scores would not notice it: a run without a score would lose every
    comparison, and a sign-flip test of NaN would have p = 0.
    """
    names = tuple(inspect.signature(statistic).parameters)

    @wraps(statistic)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        for name, value in (*zip(names, args, strict=False), *kwargs.items()):
            numbers = isinstance(value, float | list | tuple) or hasattr(value, "__array__")
            if numbers and not (good := np.isfinite(np.asarray(value, float))).all():
                refuse(statistic.__name__, name, ~good)
        return statistic(*args, **kwargs)

    return checked


def refuse(statistic: str, name: str, bad: Any) -> None:
    """Raise BenchError if any of `bad`, booleans of any shape, is true."""
    if np.any(bad):
        raise BenchError(
            f"{statistic.replace('_', ' ')}: {np.sum(bad)} of {np.size(bad)} numbers in `{name}` are NaN or infinite; "
            "give a failed run its floor score"
        )


@finite
def iqm(scores: np.ndarray) -> np.ndarray:
    """Return the interquartile mean [...] of scores [..., T, S]: drop floor(T*S/4) at each end and average the rest."""
    pooled = scores.reshape(*scores.shape[:-2], -1)
    cut = int(TRIMMED * pooled.shape[-1])
    return np.sort(pooled, axis=-1)[..., cut : pooled.shape[-1] - cut].mean(-1)


@finite
def optimality_gap(scores: np.ndarray) -> float:
    """Return how far normalised scores [T, S] fall short of 1 on average; scores above 1 count as 1."""
    return float(1 - np.minimum(scores, 1).mean())


@cache
def resamples(seeds: int, count: int = RESAMPLES) -> np.ndarray:
    """Return how often each seed is drawn in each resample [R, S]; it depends only on the number of seeds."""
    rng = generator("resamples", str(seeds))
    return rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=count).astype(float)


@cache
def _iqm_weights(seeds: int, count: int) -> np.ndarray:
    """Return the weight of the k-th smallest score in the interquartile mean of each resample [R, S]."""
    drawn, cut = resamples(seeds, count), int(TRIMMED * seeds)
    upto = drawn.cumsum(1)
    kept = np.minimum(upto, seeds - cut) - np.maximum(upto - drawn, cut)
    return np.maximum(kept, 0) / (seeds - 2 * cut)


@finite
def iqm_resamples(scores: np.ndarray, count: int = RESAMPLES) -> np.ndarray:
    """Return the interquartile mean [R] of each resample of scores [S]."""
    first, *rest = ordered = np.sort(scores)
    return first + _iqm_weights(len(ordered), count)[:, 1:] @ (np.array(rest) - first)  # exact if all are equal


@finite
def iqm_interval(scores: np.ndarray, level: float = LEVEL, count: int = RESAMPLES) -> tuple[float, float]:
    """Return the percentile bootstrap interval of the interquartile mean of one task's scores [S]."""
    tail = (1 - level) / 2
    low, high = np.quantile(iqm_resamples(scores, count), [tail, 1 - tail])
    return float(low), float(high)


@finite
def stratified_bootstrap(
    scores: np.ndarray,
    statistic: Callable[[np.ndarray], np.ndarray],
    rng: np.random.Generator,
    count: int = RESAMPLES,
    level: float = LEVEL,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the two ends [*out] of the percentile interval of a statistic; seeds are resampled within each task.

    scores: the scores [T, S].
    statistic: a function from [..., T, S] to [..., *out].
    rng: the generator of the resamples.
    count: the number of resamples.
    level: the nominal coverage.
    """
    tasks, seeds = scores.shape
    picked = rng.integers(seeds, size=(count, tasks, seeds))
    values = statistic(scores[np.arange(tasks)[:, None], picked])  # [R, *out]
    tail = (1 - level) / 2
    low, high = np.quantile(values, [tail, 1 - tail], axis=0)
    return low, high


@dataclass(frozen=True)
class Difference:
    """The mean of a - b over shared seeds, its paired t interval, and how much pairing narrowed that.

    rho: the correlation of a and b over seeds (NaN if one is constant). Because
        var(a - b) = var a + var b - 2 rho sd a sd b, pairing did not reduce the variance if rho <= 0.
    """

    mean: float
    low: float
    high: float
    rho: float
    n: int


@finite
def paired_difference(a: np.ndarray, b: np.ndarray, level: float = LEVEL) -> Difference:
    """Compare the scores a [S] and b [S], of which the same seed is at the same index; an interval needs two seeds."""
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"paired scores must have the same shape [S], got {a.shape} and {b.shape}")
    d, n = a - b, len(a)
    mean = float(d.mean())
    if n < 2:
        return Difference(mean, np.nan, np.nan, np.nan, n)
    half = float(special.stdtrit(n - 1, (1 + level) / 2) * d.std(ddof=1) / np.sqrt(n))
    constant = np.ptp(a) == 0 or np.ptp(b) == 0
    rho = np.nan if constant else correlation(a.tolist(), b.tolist())
    return Difference(mean, mean - half, mean + half, rho, n)


def _wins(a: np.ndarray, b: np.ndarray, higher_is_better: bool) -> np.ndarray:
    """Return [..., S, S']: 1 where the run of a beats the run of b, one half for a tie, else 0."""
    gap = (a[..., :, None] - b[..., None, :]) * (1 if higher_is_better else -1)
    return (gap > 0) + 0.5 * (gap == 0)


@finite
def improvement(a: np.ndarray, b: np.ndarray, higher_is_better: bool) -> float:
    """Return P(a run of a beats a run of b) for a [T, S] and b [T, S'], averaged over tasks; ties count one half."""
    return float(_wins(a, b, higher_is_better).mean(axis=(1, 2)).mean())


def expanded(n: int, level: float = LEVEL) -> tuple[float, float]:
    """Return the quantiles of the resamples at which an expanded percentile interval ends: Phi(-t), Phi(t).

    Here t is that of Student's distribution. The plain quantiles Phi(-z) and Phi(z) treat a spread that is estimated
    from few runs as known (cf. Hesterberg 2015).
    """
    low = float(special.ndtr(special.stdtrit(n - 1, (1 - level) / 2)))
    return low, 1 - low


@finite
def improvement_interval(
    a: np.ndarray,
    b: np.ndarray,
    higher_is_better: bool,
    paired: bool = True,
    level: float = LEVEL,
    count: int = RESAMPLES,
) -> tuple[float, float]:
    """Return the expanded percentile interval of P(a run of a beats a run of b) on one task.

    The lower end is at most x and the upper end at least 1 - x, where x^n = (1 - level) / 2, as after n wins in n
    independent pairs. Otherwise the interval would have no width if every run of one method won.

    a: the scores [S] of one method, at least two.
    b: the scores [S'] of the other, at least two.
    higher_is_better: the direction of the metric.
    paired: whether the same seed is at the same index, so that both are resampled together.
    level: the nominal coverage.
    count: the number of resamples.
    """
    n = min(len(a), len(b))
    own = resamples(len(a), count)
    other = own if paired else generator("resamples", "other").permutation(resamples(len(b), count))
    shares = ((own @ _wins(a, b, higher_is_better)) * other).sum(1) / (len(a) * len(b))  # [R]
    low, high = np.quantile(shares, expanded(n, level))
    most = ((1 - level) / 2) ** (1 / n)
    return float(min(low, most)), float(max(high, 1 - most))


@finite
def prediction_interval(
    values: np.ndarray, published_runs: int = 1, level: float = LEVEL, variance_of_run: float | None = None
) -> tuple[float, float]:
    """Return the interval in which the mean of further runs would fall, given ours.

    values: our scores [S], S >= 2.
    published_runs: the number of further runs.
    level: the nominal coverage.
    variance_of_run: the variance of a single further run, if our values are means of several.
    """
    n, variance = len(values), values.var(ddof=1)
    single = variance if variance_of_run is None else variance_of_run
    half = special.stdtrit(n - 1, (1 + level) / 2) * np.sqrt(variance / n + single / published_runs)
    return float(values.mean() - half), float(values.mean() + half)


@finite
def welch_interval(values: np.ndarray, spread: float, runs: int, level: float = LEVEL) -> tuple[float, float]:
    """Return the interval around our mean in which another mean lies if both estimate the same quantity (Welch).

    values: our scores [S], S >= 2.
    spread: the standard deviation of the other runs.
    runs: their number, at least 2.
    level: the nominal coverage.
    """
    own, other = values.var(ddof=1) / len(values), spread**2 / runs
    if own + other == 0:
        return float(values.mean()), float(values.mean())
    degrees = (own + other) ** 2 / (own**2 / (len(values) - 1) + other**2 / (runs - 1))
    half = special.stdtrit(degrees, (1 + level) / 2) * np.sqrt(own + other)
    return float(values.mean() - half), float(values.mean() + half)


@finite
def split_variance(scores: np.ndarray) -> tuple[float, float]:
    """Return the variance of a run's own score and that of one re-sampling around it.

    The first is Var_i(mean_j x_ij) - mean_i Var_j(x_ij) / J, an estimate that may be negative.

    scores: scores [S, J] with J >= 2 re-samplings of each run.
    """
    within = scores.var(axis=1, ddof=1).mean()
    return float(scores.mean(axis=1).var(ddof=1) - within / scores.shape[1]), float(within)
