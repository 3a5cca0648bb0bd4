"""Power, unpaired tests, profiles and the split of variance, each against a second computation."""

import numpy as np
import pytest
from scipy import stats

from harness.report.stats import power, profiles, significance
from harness.report.stats import statistics as st

A = np.array([3.1, 2.7, 3.9, 3.3, 2.9, 4.1, 3.6])
B = np.array([2.6, 2.9, 3.0, 2.2, 2.8])


def noncentral(effect, n, paired):
    """Power by the non-central t itself."""
    degrees, shift = (n - 1, effect * np.sqrt(n)) if paired else (2 * n - 2, effect * np.sqrt(n / 2))
    edge = stats.t.ppf(0.975, degrees)
    return stats.nct.sf(edge, degrees, shift) + stats.nct.cdf(-edge, degrees, shift)


@pytest.mark.parametrize(
    ("effect", "n", "paired"), [(0.5, 10, True), (1.0, 10, True), (1.5, 5, True), (0.8, 20, False), (0.0, 8, True)]
)
def test_power_is_that_of_the_non_central_t(effect, n, paired):
    assert power.power(effect, n, paired=paired) == pytest.approx(noncentral(effect, n, paired), abs=1e-6)


def test_power_by_simulation():
    """One standard deviation, 10 seeds."""
    d = np.random.default_rng(0).normal(1.0, 1.0, size=(4000, 10))
    found = (stats.ttest_1samp(d, 0.0, axis=1).pvalue < 0.05).mean()
    assert found == pytest.approx(power.power(1.0, 10), abs=3 * np.sqrt(0.8 * 0.2 / 4000))


def test_seeds_needed_are_the_fewest():
    for delta, sd, paired in ((1.0, 2.0, True), (1.0, 1.0, False), (3.0, 1.0, True)):
        n = int(power.seeds_needed(delta, sd, paired=paired))
        assert noncentral(delta / sd, n, paired) >= 0.8 > (noncentral(delta / sd, n - 1, paired) if n > 2 else 0)
    textbook = (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) ** 2 * 20**2
    assert power.seeds_needed(1.0, 20.0) == pytest.approx(textbook, abs=4), (
        "of many seeds the spread is as good as known"
    )
    assert power.seeds_needed(0.0, 1.0) == np.inf and power.seeds_needed(1.0, 0.0) == 2


def test_seeds_to_decide_can_pass_the_sign_flips():
    """A difference without spread needs no power, yet 2 / 2^n must lie below alpha / comparisons."""
    assert power.seeds_to_decide(np.full(5, 1.0)) == 6 and power.seeds_to_decide(np.full(5, 1.0), comparisons=12) == 9
    d = np.array([1.0, 3.0, -1.0, 2.0, 0.5])
    assert power.seeds_to_decide(d) == max(6, power.seeds_needed(d.mean(), d.std(ddof=1)))


def test_smallest_difference_has_that_power():
    for n in (5, 10, 20):
        assert noncentral(power.smallest_difference(n), n, True) == pytest.approx(0.8, abs=1e-6)


def test_unpaired_difference_by_the_formula_of_welch():
    found = significance.unpaired_difference(A, B)
    a, b = A.var(ddof=1) / len(A), B.var(ddof=1) / len(B)
    degrees = (a + b) ** 2 / (a**2 / (len(A) - 1) + b**2 / (len(B) - 1))
    gap, scale = A.mean() - B.mean(), np.sqrt(a + b)
    assert found.mean == pytest.approx(gap) and found.welch_p == pytest.approx(2 * stats.t.sf(gap / scale, degrees))
    assert found.low == pytest.approx(gap - stats.t.ppf(0.975, degrees) * scale)
    assert found.high == pytest.approx(gap + stats.t.ppf(0.975, degrees) * scale)


def test_rank_sum_p_by_counting_every_split():
    from itertools import combinations

    a, b = A[:4], B[:4] + 0.01  # no ties
    pooled = np.concatenate([a, b])
    ranks = stats.rankdata(pooled)
    sums = np.array([ranks[list(part)].sum() for part in combinations(range(8), 4)])
    extreme = (np.abs(sums - sums.mean()) >= abs(ranks[:4].sum() - sums.mean())).mean()
    assert significance.unpaired_difference(a, b).rank_sum_p == pytest.approx(extreme)


def test_equivalence_needs_both_sides():
    """Two one-sided tests by hand: mean 0.1, sd 0.2, n 4."""
    d = np.array([0.3, -0.1, 0.3, -0.1])
    scale = d.std(ddof=1) / 2
    assert significance.equivalence_p(d, 0.5) == pytest.approx(stats.t.sf((0.5 - 0.1) / scale, 3))
    assert significance.equivalence_p(d + 0.6, 0.5) > 0.5


def test_profile_band_and_times():
    scores = np.array([[0.1, 0.5, 0.9], [0.5, 0.5, 1.1]])
    grid = np.array([0.0, 0.5, 1.0])
    assert profiles.performance(scores, grid).tolist() == pytest.approx([1.0, (1 / 3 + 1 / 3) / 2, 1 / 6])
    low, high = profiles.band(scores, np.random.default_rng(0), grid)
    assert (low <= profiles.performance(scores, grid)).all() and (profiles.performance(scores, grid) <= high).all()
    assert low[0] == high[0] == 1.0 and low[1] < high[1]
    steps = np.array([10, 20, 30])
    assert profiles.time_to_target(steps, np.array([0.2, 0.9, 0.5]), 0.9) == 20
    assert profiles.time_to_target(steps, np.array([5.0, 3.0, 2.0]), 2.5, higher_is_better=False) == 30
    assert profiles.time_to_target(steps, np.array([0.2, 0.8, 0.5]), 0.9) == np.inf
    times = np.array([[10.0, 30.0, np.inf], [20.0, 10.0, np.inf]])
    assert profiles.fastest_ratios(times, np.array([1.0, 2.0, 3.0])).tolist() == [
        [1 / 3, 1 / 3, 2 / 3],
        [1 / 3, 2 / 3, 2 / 3],
    ]


def test_variance_is_split_into_training_and_evaluation():
    """Known parts: runs with sd 2, each scored 6 times with sd 1."""
    rng = np.random.default_rng(1)
    scores = 2 * rng.normal(size=(4000, 1)) + rng.normal(size=(4000, 6))
    own, within = st.split_variance(scores)
    assert own == pytest.approx(4.0, rel=0.1) and within == pytest.approx(1.0, rel=0.05)
    by_hand = np.array([[1.0, 3.0], [5.0, 5.0]])  # means 2 and 5, variances 2 and 0
    assert st.split_variance(by_hand) == pytest.approx((4.5 - 1 / 2, 1.0))


def test_optimality_gap_and_the_interval_of_better():
    assert st.optimality_gap(np.array([[0.5, 1.5], [1.0, 0.0]])) == pytest.approx(1 - (0.5 + 1 + 1 + 0) / 4)
    low, high = st.improvement_interval(A[:5], B, True)
    swapped = st.improvement_interval(B, A[:5], True)
    assert low < st.improvement(A[None, :5], B[None], True) < high and swapped == pytest.approx(
        (1 - high, 1 - low), abs=0.01
    )
    low, high = st.improvement_interval(B + 10, B, True)
    assert high == 1.0 and low == pytest.approx(0.025 ** (1 / 5)), "a clean sweep: what five wins out of five can show"


def test_iqm_interval_is_the_plain_bootstrap_with_weights():
    """Against scores that are redrawn, sorted and trimmed one resample after the other."""
    drawn = st.resamples(len(A))
    slow = np.array([stats.trim_mean(np.repeat(np.sort(A), row.astype(int)), 0.25) for row in drawn[:400]])
    assert np.allclose(st.iqm_resamples(A)[:400], slow)
    assert st.iqm_interval(A) == pytest.approx(tuple(np.quantile(st.iqm_resamples(A), [0.025, 0.975])))
