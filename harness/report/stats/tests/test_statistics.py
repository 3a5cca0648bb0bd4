"""Each statistic against a hand value, a closed form or scipy."""

import numpy as np
import pytest
from scipy import stats

from harness.errors import BenchError
from harness.report.stats import power, profiles, significance
from harness.report.stats import statistics as st


def test_iqm_drops_a_quarter_at_each_end():
    # 8 pooled scores: two dropped at each end, mean of 3, 4, 5, 6.
    scores = np.array([[1.0, 8, 3, 6], [5, 4, 2, 700]])
    assert st.iqm(scores) == pytest.approx((3 + 4 + 5 + 6) / 4)
    # n = 10: floor(2.5) = 2 at each end.
    assert st.iqm(np.arange(10.0)[None]) == pytest.approx(4.5)


def test_bootstrap_of_a_mean_matches_scipy():
    scores = np.random.default_rng(0).normal(size=(1, 20))
    low, high = st.stratified_bootstrap(scores, lambda x: x.mean(axis=(-2, -1)), np.random.default_rng(1))
    other = stats.bootstrap(
        (scores[0],), np.mean, n_resamples=10_000, method="percentile", rng=np.random.default_rng(2)
    ).confidence_interval
    # Both quantiles carry Monte Carlo error of about sd/sqrt(n) * 0.03.
    assert (low, high) == pytest.approx(tuple(other), abs=0.02)


def test_bootstrap_keeps_tasks_apart():
    # Constant within a task: redrawing seeds inside it changes nothing.
    scores = np.array([[1.0] * 5, [3.0] * 5])
    interval = st.stratified_bootstrap(scores, lambda x: x.mean(axis=(-2, -1)), np.random.default_rng(0), count=50)
    assert interval == (2.0, 2.0)


def test_paired_difference_is_the_paired_t_test():
    rng = np.random.default_rng(3)
    b = rng.normal(size=10)
    a = b + 0.5 + 0.1 * rng.normal(size=10)
    got = st.paired_difference(a, b)
    expected = stats.ttest_rel(a, b).confidence_interval(0.95)
    assert (got.low, got.high) == pytest.approx((expected.low, expected.high))
    assert got.mean == pytest.approx((a - b).mean())
    assert got.rho == pytest.approx(stats.pearsonr(a, b).statistic)
    assert st.paired_difference(b, a).mean == pytest.approx(-got.mean)


def test_paired_interval_covers_95_percent():
    d = np.random.default_rng(4).normal(0.3, 1.0, size=(2000, 10))
    intervals = [st.paired_difference(row, np.zeros(10)) for row in d]
    coverage = np.mean([i.low <= 0.3 <= i.high for i in intervals])
    assert coverage == pytest.approx(0.95, abs=0.02)  # 4 standard errors of 0.0049


def test_sign_flip_is_exact():
    assert significance.sign_flip_p(np.ones(5)) == 2 / 32
    assert significance.sign_flip_p(np.array([1.0, -1.0])) == 1.0
    d = np.random.default_rng(5).normal(0.4, 1, size=9)
    expected = stats.permutation_test((d,), np.mean, permutation_type="samples", n_resamples=np.inf).pvalue
    assert significance.sign_flip_p(d) == pytest.approx(expected)


def test_sign_flip_by_sampling_agrees_with_the_normal_limit():
    d = np.random.default_rng(6).normal(0.3, 1, size=60)
    p = significance.sign_flip_p(d, np.random.default_rng(7))
    z = abs(d.sum()) / np.sqrt((d**2).sum())
    assert p == pytest.approx(2 * stats.norm.sf(z), abs=0.01)
    with pytest.raises(ValueError, match="generator"):
        significance.sign_flip_p(d)


def test_holm_by_hand():
    # sorted .01 .02 .03 .5 -> *4 .04, *3 .06, *2 .06 (not below the one before), *1 .5
    assert significance.holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])


def test_nine_seeds_are_the_first_that_can_pass():
    assert not significance.can_reach_significance(5, 1)
    assert not significance.can_reach_significance(8, 12)
    assert significance.can_reach_significance(9, 12)
    assert not significance.can_reach_significance(9, 13)


def test_improvement_counts_pairs_and_knows_the_direction():
    a, b = np.array([[1.0, 2.0]]), np.array([[2.0, 3.0]])
    assert st.improvement(a, b, higher_is_better=False) == pytest.approx(3.5 / 4)
    assert st.improvement(a, b, higher_is_better=True) == pytest.approx(0.5 / 4)
    u = stats.mannwhitneyu(a[0], b[0]).statistic
    assert st.improvement(a, b, higher_is_better=True) == pytest.approx(u / 4)


def test_prediction_interval_covers_a_new_run():
    draws = np.random.default_rng(8).normal(size=(4000, 11))
    hits = [low <= x[-1] <= high for x in draws for low, high in [st.prediction_interval(x[:-1])]]
    assert np.mean(hits) == pytest.approx(0.95, abs=0.015)  # 4 standard errors of 0.0034


def test_generator_depends_on_names_alone():
    assert st.generator("a", "b").integers(1 << 30) == st.generator("a", "b").integers(1 << 30)
    assert st.generator("a", "b").integers(1 << 30) != st.generator("a", "c").integers(1 << 30)


WHOLE = np.array([3.0, 1.0, 2.0, 5.0, 4.0])
STATISTICS = {
    "iqm": lambda x: st.iqm(x[None]),
    "optimality_gap": lambda x: st.optimality_gap(x[None]),
    "iqm_resamples": st.iqm_resamples,
    "iqm_interval": st.iqm_interval,
    "stratified_bootstrap": lambda x: st.stratified_bootstrap(x[None], st.iqm, np.random.default_rng(0), count=10),
    "paired_difference": lambda x: st.paired_difference(x, WHOLE),
    "paired_difference of the second": lambda x: st.paired_difference(WHOLE, b=x),
    "improvement": lambda x: st.improvement(x[None], WHOLE[None], True),
    "improvement of the second": lambda x: st.improvement(WHOLE[None], x[None], False),
    "improvement_interval": lambda x: st.improvement_interval(x, WHOLE, True, count=10),
    "prediction_interval": st.prediction_interval,
    "split_variance": lambda x: st.split_variance(np.stack([x, WHOLE])),
    "sign_flip_p": significance.sign_flip_p,
    "holm": lambda x: significance.holm(list(x / 10)),
    "unpaired_difference": lambda x: significance.unpaired_difference(WHOLE, x),
    "equivalence_p": lambda x: significance.equivalence_p(x, 0.5),
    "power": lambda x: power.power(x[2], 10),
    "seeds_needed": lambda x: power.seeds_needed(1.0, x[2]),
    "seeds_to_decide": power.seeds_to_decide,
    "performance": lambda x: profiles.performance(x[None]),
    "band": lambda x: profiles.band(x[None], np.random.default_rng(0)),
    "time_to_target": lambda x: profiles.time_to_target(np.arange(5), x, 9.0),
    "fastest_ratios": lambda x: profiles.fastest_ratios(x[None]),
}


@pytest.mark.parametrize("name", STATISTICS)
def test_a_number_that_is_none_is_refused_by_name(name):
    """A comparison with NaN is false: it would be counted as a lost duel, a p of 0, two seeds that suffice."""
    STATISTICS[name](WHOLE)
    said = f"^{name.split(' of ')[0].replace('_', ' ')}: 1 of .* numbers in `.*` are NaN"
    with pytest.raises(BenchError, match=said) as refused:
        STATISTICS[name](np.where(WHOLE == 2.0, np.nan, WHOLE))
    assert "\n" not in str(refused.value)
