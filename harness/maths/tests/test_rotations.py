"""Quaternions against scipy's rotations, at small and at whole angles; arrays and tensors alike."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation, Slerp

from harness.maths import rotations as own


def pair(n=20):
    g = np.random.default_rng(0)
    a, b = (own.unit(g.normal(size=(n, 4))) for _ in range(2))
    return a, b, g.normal(size=(n, 3))


def theirs(q):
    return Rotation.from_quat(q, scalar_first=True)


def test_products_and_turned_vectors():
    a, b, v = pair()
    np.testing.assert_allclose(theirs(own.product(a, b)).as_matrix(), (theirs(a) * theirs(b)).as_matrix(), atol=1e-12)
    np.testing.assert_allclose(own.rotate(a, v), theirs(a).apply(v), atol=1e-12)
    np.testing.assert_allclose(own.cross(v, v[::-1]), np.cross(v, v[::-1]), atol=1e-12)
    np.testing.assert_allclose(own.rotate(own.inverse(a), own.rotate(a, v)), v, atol=1e-12)


@pytest.mark.parametrize("size", [1e-9, 1e-3, 1.0, 3.1])
def test_logarithm_exponential_and_angle(size):
    _, b, v = pair()
    v = size * v / np.linalg.norm(v, axis=1, keepdims=True)
    q = own.exponential(v)
    np.testing.assert_allclose(theirs(q).as_rotvec(), v, atol=1e-12, rtol=1e-9)
    np.testing.assert_allclose(own.logarithm(q), v, atol=1e-12, rtol=1e-9)
    np.testing.assert_allclose(own.logarithm(-q), v, atol=1e-12, rtol=1e-9)
    np.testing.assert_allclose(own.angle(b, own.product(b, q)), size, rtol=1e-6, atol=1e-15)
    np.testing.assert_allclose(own.exponential(0 * v), np.eye(4)[[0] * len(v)])
    np.testing.assert_allclose(own.logarithm(own.exponential(0 * v)), 0 * v)


def test_between_two_rotations_the_turn_is_even():
    a, b, _ = pair()
    shares = np.linspace(0, 1, len(a))
    expected = [Slerp([0, 1], theirs(np.stack([x, y])))(w).as_matrix() for x, y, w in zip(a, b, shares)]
    np.testing.assert_allclose(theirs(own.slerp(a, b, shares[:, None])).as_matrix(), expected, atol=1e-12)


def test_tensors_give_what_arrays_give():
    a, b, v = pair()
    ta, tb, tv = (torch.as_tensor(x) for x in (a, b, v))
    w = np.full((len(a), 1), 0.3)
    for exact, same in (
        (own.product(a, b), own.product(ta, tb)),
        (own.rotate(a, v), own.rotate(ta, tv)),
        (own.angle(a, b), own.angle(ta, tb)),
        (own.logarithm(a), own.logarithm(ta)),
        (own.slerp(a, b, w), own.slerp(ta, tb, torch.as_tensor(w))),
        (own.from_axis_angle((0.0, -1.0, 0.0), v[:, 0]), own.from_axis_angle((0.0, -1.0, 0.0), tv[:, 0])),
    ):
        np.testing.assert_allclose(same.numpy(), exact, atol=1e-12)
