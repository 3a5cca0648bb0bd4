"""Closed forms and identities of the Frechet and kernel distances."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from harness.contracts import BenchError
from harness.metrics.distances import (
    Reference,
    extrapolate,
    frechet,
    frechet_to_point,
    kernel_mean,
    kid,
    moments,
)


def features(n, d, seed=0, shift=0.0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) / d**0.5 + shift


def distance(x, y):
    y = moments(y)
    return frechet(Reference(moments(x)), y.mean, y.cov)


def test_moments_divide_by_n_minus_1_in_float64():
    x = (features(50, 4) + 1000).astype(np.float32)
    found = moments(x)
    np.testing.assert_allclose(found.cov, np.cov(x.astype(np.float64), rowvar=False), rtol=1e-10)
    assert found.cov.dtype == np.float64 and found.n == 50


def test_diagonal_gaussians():
    """|dmu|^2 + sum (sqrt a - sqrt b)^2."""
    rng = np.random.default_rng(0)
    a, b, mean, other = rng.uniform(0.1, 5, 6), rng.uniform(0.1, 5, 6), rng.normal(size=6), rng.normal(size=6)
    reference = Reference(moments(features(10, 6))._replace(mean=mean, cov=np.diag(a)))
    expected = np.square(mean - other).sum() + np.square(np.sqrt(a) - np.sqrt(b)).sum()
    assert frechet(reference, other, np.diag(b)) == pytest.approx(expected, rel=1e-12)


def test_equals_scipy_sqrtm():
    x, y = moments(features(200, 32)), moments(features(200, 32, 1, 0.3))
    root = scipy.linalg.sqrtm(x.cov @ y.cov)
    expected = np.square(x.mean - y.mean).sum() + np.trace(x.cov + y.cov - 2 * root.real)
    assert frechet(Reference(x), y.mean, y.cov) == pytest.approx(expected, rel=1e-6)


def test_identity_symmetry_and_order():
    x, y = features(300, 16), features(300, 16, 1)
    assert abs(distance(x, x)) < 1e-6
    assert distance(x, y) == pytest.approx(distance(y, x), rel=1e-9)
    # Sums in another order differ by some 300 roundings of 1e-16.
    assert distance(x, y[::-1]) == pytest.approx(distance(x, y), rel=1e-12)


def test_a_point_is_the_limit_of_a_shrinking_gaussian():
    reference, point = Reference(moments(features(100, 5))), np.arange(5.0)
    # The cross term goes with the standard deviation: 1e-9 here.
    assert frechet_to_point(reference, point) == pytest.approx(frechet(reference, point, 1e-18 * np.eye(5)), rel=1e-6)


def test_too_few_samples_are_refused_unless_allowed():
    with pytest.raises(BenchError, match=r"N = 8 .* d = 8"):
        moments(features(8, 8))
    assert moments(features(8, 8), allow_few=True).n == 8
    assert moments(features(9, 8)).n == 9


def test_extrapolation_finds_the_limit_and_its_error():
    ns = np.array([100, 150, 200, 400, 800, 1600])
    exact = extrapolate(ns, 3.0 + 70.0 / ns)
    np.testing.assert_allclose(exact, (3.0, 70.0, 0.0), atol=1e-9)
    noise = np.random.default_rng(0).normal(scale=0.1, size=(2000, len(ns)))
    fits = [extrapolate(ns, 3.0 + 70.0 / ns + e) for e in noise]
    # The error is estimated without bias in the variance; 2,000 fits give it to about 2 %.
    assert np.std([f.limit for f in fits]) == pytest.approx(
        np.sqrt(np.mean([f.standard_error**2 for f in fits])), rel=0.08
    )


def test_kid_against_a_double_loop():
    x, y = features(7, 3), features(9, 3, 1)

    def k(a, b):
        return (a @ b / 3 + 1) ** 3

    expected = (
        sum(k(x[i], x[j]) for i in range(7) for j in range(7) if i != j) / 42
        + sum(k(y[i], y[j]) for i in range(9) for j in range(9) if i != j) / 72
        - 2 * sum(k(a, b) for a in x for b in y) / 63
    )
    assert kid(x, y) == pytest.approx(expected, rel=1e-10)
    assert kid(x, y, kernel_mean(x)) == kid(x, y)


def test_kid_is_unbiased_so_it_may_be_negative():
    rng = np.random.default_rng(0)
    values = np.array([kid(rng.normal(size=(20, 2)), rng.normal(size=(20, 2))) for _ in range(400)])
    assert values.min() < 0
    # Five standard errors; the biased estimator, with i = j kept, would lie far above.
    assert abs(values.mean()) < 5 * values.std() / 20


def test_kid_of_one_sample_is_refused():
    """Its mean would be over no pair at all."""
    x = features(5, 3)
    for sides in ((x, x[:1]), (x[:1], x)):
        with pytest.raises(BenchError, match="needs at least 2 samples on each side, got 1"):
            kid(*sides)


def test_kid_in_pieces(monkeypatch):
    x, y = features(11, 3), features(9, 3, 1)
    whole = kid(x, y)
    monkeypatch.setattr("harness.metrics.distances.ROWS", 4)
    assert kid(x, y) == pytest.approx(whole, rel=1e-12)
