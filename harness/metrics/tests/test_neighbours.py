"""Precision and recall, with their arguments told apart, and nearest images."""

from __future__ import annotations

import numpy as np
import pytest

from harness.errors import BenchError
from harness.metrics.neighbours import manifold, nearest, nearest_distance, radii


def test_radii_leave_out_the_sample_itself():
    x = np.array([[0.0], [1.0], [3.0], [7.0]])
    np.testing.assert_allclose(radii(x, 1), [1, 1, 4, 16])
    np.testing.assert_allclose(radii(x, 2), [9, 4, 9, 36])


def test_precision_and_recall_are_not_swapped():
    """Fakes on one of two real modes: every fake is real-like, half of the reals are reached."""
    rng = np.random.default_rng(0)

    def mode(centre, n):
        return rng.uniform(-1, 1, size=(n, 2)) + centre

    real = np.concatenate([mode(0, 200), mode(100, 200)])
    fake = mode(0, 400)
    found = manifold(real, fake)
    assert found.precision > 0.95 and found.recall == pytest.approx(0.5, abs=0.03) and found.coverage < 0.51
    turned = manifold(fake, real)
    assert (turned.precision, turned.recall) == (found.recall, found.precision)


def test_against_a_double_loop():
    rng = np.random.default_rng(1)
    real, fake = rng.normal(size=(40, 3)), rng.normal(size=(40, 3)) * 0.7

    def far(a, b):
        return np.linalg.norm(a - b)

    def radius(x):
        return [sorted(far(x[i], x[j]) for j in range(len(x)) if j != i)[2] for i in range(len(x))]

    real_radius, fake_radius = radius(real), radius(fake)
    inside = np.array([[far(real[i], fake[j]) <= real_radius[i] for j in range(40)] for i in range(40)])
    reached = np.array([[far(real[i], fake[j]) <= fake_radius[j] for j in range(40)] for i in range(40)])
    expected = (inside.any(0).mean(), reached.any(1).mean(), inside.sum() / (3 * 40), inside.any(1).mean())
    np.testing.assert_allclose(manifold(real, fake, 3), expected)


@pytest.mark.parametrize("sides", [(40, 3), (3, 40), (3, 3), (2, 2), (1, 1)])
def test_a_side_without_a_third_neighbour_is_refused(sides):
    """With N = k the k-th neighbour would be the sample itself, at infinity: every ball would hold everything."""
    real, fake = (np.random.default_rng(0).normal(size=(n, 2)) for n in sides)
    with pytest.raises(BenchError, match=f"3 neighbours need at least 4 samples on each side, got {min(sides)}: use"):
        manifold(real, fake, 3)


def test_four_samples_are_enough():
    x = np.random.default_rng(0).normal(size=(4, 2))
    assert manifold(x, x, 3)[:2] == (1.0, 1.0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_not_finite_are_refused(value):
    whole = np.random.default_rng(0).normal(size=(9, 2))
    broken = whole.copy()
    broken[5, 1] = value
    for sides in ((whole, broken), (broken, whole)):
        with pytest.raises(BenchError, match="need finite features: 1 of 9 samples contain NaN or infinity"):
            manifold(*sides)


def test_in_pieces(monkeypatch):
    rng = np.random.default_rng(2)
    real, fake = rng.normal(size=(30, 3)), rng.normal(size=(30, 3))
    images, train = (rng.integers(0, 256, (n, 1, 4, 4)).astype(np.uint8) for n in (9, 30))
    whole, index = manifold(real, fake), nearest(images, train)
    monkeypatch.setattr("harness.metrics.neighbours.ROWS", 7)
    assert manifold(real, fake) == whole
    np.testing.assert_array_equal(nearest(images, train), index)


def test_nearest_image():
    rng = np.random.default_rng(3)
    train = rng.integers(0, 256, (50, 1, 4, 4)).astype(np.uint8)
    wanted = np.array([7, 3, 49])
    images = np.clip(train[wanted].astype(int) + 1, 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(nearest(images, train), wanted)
    np.testing.assert_array_equal(nearest_distance(train, train), 0)
    # One grey level is 1/255.
    assert nearest_distance(np.full((1, 1, 4, 4), 11, np.uint8), np.full((1, 1, 4, 4), 10, np.uint8))[
        0
    ] == pytest.approx(1 / 255)
