"""Gradient penalties: exact on linear critics, one epsilon per sample, finite and right twice over."""

import math

import pytest
import torch

from baselines.parts.adversarial.penalties import Interpolated, ZeroCentred, interpolate, norm_penalty, squared_gradient

SHAPE = (2, 3, 1, 4, 4)  # [S, B, C, H, W]


def inputs(seed=0):
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def linear_score(x, norm):
    """[S, B] of w . x with |w| = norm over all axes but seed and batch."""
    w = inputs(7)[0, 0]
    return (x * (norm * w / w.norm())).flatten(2).sum(2)


def penalty(norm, params):
    x = interpolate(inputs(1), inputs(2), torch.full(SHAPE[:2], 0.3))
    return params.coefficient * norm_penalty(squared_gradient(linear_score(x, norm), x), params)


@pytest.mark.parametrize(
    "norm, sides, value",
    [(1.0, "two", 0.0), (2.0, "two", 10.0), (0.5, "two", 2.5), (0.5, "one", 0.0), (2.0, "one", 10.0)],
)
def test_interpolated_on_a_linear_critic(norm, sides, value):
    """The norm runs over all axes of a sample, so |w| = 1 costs nothing and |w| = 2 the weight."""
    result = penalty(norm, Interpolated(weight=10.0, sides=sides))
    torch.testing.assert_close(result, torch.full(SHAPE[:2], value, dtype=torch.float64), rtol=1e-9, atol=1e-9)


def test_the_target_is_a_parameter():
    assert penalty(2.0, Interpolated(weight=1.0, target=2.0)).max() < 1e-20


@pytest.mark.parametrize("half, value", [(False, 90.0), (True, 45.0)])
def test_zero_centred_on_a_linear_critic(half, value):
    """Weight 10 is 10 |w|^2 in the released code and 5 |w|^2 with Mescheder's gamma / 2."""
    x = inputs().requires_grad_()
    result = ZeroCentred(weight=10.0, half=half).coefficient * squared_gradient(linear_score(x, 3.0), x)
    torch.testing.assert_close(result, torch.full(SHAPE[:2], value, dtype=torch.float64))


def test_one_epsilon_per_sample():
    """Each interpolate lies on the line between its own two images."""
    real, fake = inputs(1), inputs(2)
    epsilon = torch.rand(SHAPE[:2], generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    x = interpolate(real, fake, epsilon)
    share = (x - fake) / (real - fake)
    torch.testing.assert_close(share, epsilon[:, :, None, None, None].expand(SHAPE))
    assert x.is_leaf and x.requires_grad
    assert torch.equal(interpolate(real, fake, torch.ones(SHAPE[:2])), real)


def test_finite_where_the_gradient_vanishes():
    """A constant critic has norm 0, where a bare square root has an infinite derivative."""
    x = inputs().requires_grad_()
    w = torch.zeros(SHAPE[2:], dtype=torch.float64, requires_grad=True)
    value = norm_penalty(squared_gradient((x * w).flatten(2).sum(2), x), Interpolated(weight=1.0))
    torch.testing.assert_close(value, torch.ones(SHAPE[:2], dtype=torch.float64), rtol=0, atol=3e-6)
    (gradient,) = torch.autograd.grad(value.sum(), w)
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("kind", ["r1", "interpolated"])
def test_double_backward_agrees_with_finite_differences(kind):
    """Gradient of the penalty in the critic's weights; central differences, error O(h^2) = 1e-10 plus 1e-16 / h."""
    x0, v = inputs()[0, :, 0, 0], torch.tensor([0.4, -1.1, 0.9], dtype=torch.float64)
    w = torch.randn(4, 3, generator=torch.Generator().manual_seed(5), dtype=torch.float64, requires_grad=True)

    def value(weight):
        x = x0[None].clone().requires_grad_()
        squared = squared_gradient(torch.tanh(x @ weight) @ v, x)
        return (squared if kind == "r1" else norm_penalty(squared, Interpolated(weight=1.0))).sum()

    (gradient,) = torch.autograd.grad(value(w), w)
    h = 1e-5
    for i in range(4):
        for j in range(3):
            step = torch.zeros_like(w)
            step[i, j] = h
            slope = ((value(w.detach() + step) - value(w.detach() - step)) / (2 * h)).detach()
            assert abs(float(gradient[i, j] - slope)) < 1e-7 * max(1, abs(float(slope)))


def test_penalties_are_per_sample_and_per_seed():
    """Sample b of seed s differentiates its own score only."""
    x = inputs().requires_grad_()
    squared = squared_gradient(x.square().flatten(2).sum(2) / 2, x)
    torch.testing.assert_close(squared, x.detach().square().flatten(2).sum(2))
    assert math.isclose(float(squared[1, 2].detach()), float(x[1, 2].detach().square().sum()))
