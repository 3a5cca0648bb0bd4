"""The bottleneck: the reduction of its KL, the dual step, and gradients through the sample."""

import math

import pytest
import torch
from pydantic import ValidationError
from torch.distributions import Normal, kl_divergence

from baselines.parts.adversarial.bottleneck import Bottleneck, BottleneckParams, PlainCode
from baselines.parts.layers import StackedLinear
from baselines.parts.nets.stacked_convolution import StackedConv2d
from harness.contracts import initialise
from harness.run.seeds import CounterDraws

ALIVE = torch.ones(2, dtype=torch.bool)


def layer(features):
    """What a body gives for a code of its features: a linear layer, or a 1x1 convolution of a map."""
    if len(features) == 1:
        return lambda size, bound=None: StackedLinear(2, *features, size, bound=bound)
    return lambda size, bound=None: StackedConv2d(2, features[0], size, 1, bound=bound)


def build(features=(5,), dtype=torch.float64, **params):
    bottleneck = Bottleneck(2, layer(features), BottleneckParams(**{"size": 3, **params}))
    initialise(bottleneck, CounterDraws((0, 1), "test"))
    return bottleneck.to(dtype)


def features(shape):
    return torch.randn(2, 4, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("shape", [(5,), (5, 2, 2)])
@pytest.mark.parametrize("reduce", ["per_sample", "per_position"])
def test_kl_of_each_sample(shape, reduce):
    """Summed over the code; positions of a map are summed too, or averaged as in the released code."""
    bottleneck, h = build(shape, kl_reduce=reduce), features(shape)
    per_coordinate = kl_divergence(Normal(bottleneck.mu(h), bottleneck.rho(h).exp()), Normal(0.0, 1.0))
    positions = per_coordinate.sum(2).flatten(2) if len(shape) > 1 else per_coordinate.sum(2, keepdim=True)
    expected = positions.mean(2) if reduce == "per_position" else positions.sum(2)
    code = bottleneck(h, None)
    assert code.kl.shape == (2, 4)
    torch.testing.assert_close(code.kl, expected, rtol=1e-12, atol=1e-12)


def test_a_position_of_sixteen():
    """I_c 0.1 of one position is 1.6 nats of an image whose 4x4 map carries the code."""
    h = features((5, 4, 4))
    ratio = build((5, 4, 4), kl_reduce="per_sample")(h).kl / build((5, 4, 4), kl_reduce="per_position")(h).kl
    torch.testing.assert_close(ratio, torch.full((2, 4), 16.0, dtype=torch.float64))


def test_softplus_sigma():
    """Alemi et al.: sigma = softplus(rho - 5)."""
    bottleneck, h = build(sigma="softplus"), features((5,))
    noise = torch.ones(2, 4, 3, dtype=torch.float64)
    sigma = bottleneck(h, noise).z - bottleneck(h, noise).mean
    torch.testing.assert_close(sigma, torch.log1p(torch.exp(bottleneck.rho(h) - 5)))


def test_initial_bound_of_the_maze_code():
    bottleneck = build(init_bound=0.01)
    for layer in (bottleneck.mu, bottleneck.rho):
        assert layer.weight.abs().max() <= 0.01 and layer.weight.abs().max() > 0.005
    assert bottleneck(features((5,))).kl.max() < 0.02  # sigma near 1, KL near 0


def test_gradients_through_the_sample_by_finite_differences():
    """d f(z) / d (mu and sigma weights) under a fixed noise; a sampler without gradient gives 0."""
    bottleneck, h = build(), features((5,))
    noise = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def value():
        return torch.sin(bottleneck(h, noise).z).sum()

    parameters = (bottleneck.mu.weight, bottleneck.rho.weight)
    gradients = torch.autograd.grad(value(), parameters)
    step = 1e-6
    for parameter, gradient in zip(parameters, gradients):
        assert gradient.abs().min() > 1e-4
        for place in [(0, 0, 0), (1, 2, 4)]:
            values = []
            for sign in (1, -2):
                parameter.data[place] += sign * step
                values.append(float(value().detach()))
            parameter.data[place] += step
            assert abs((values[0] - values[1]) / (2 * step) - float(gradient[place])) < 1e-7


@pytest.mark.parametrize("kl, beta", [(0.7, 0.12), (0.5, 0.10), (0.2, 0.07), (-5.0, 0.0)])
def test_dual_step(kl, beta):
    """beta + alpha (KL - I_c), at least 0; beta rises if and only if KL is above I_c."""
    bottleneck = build(dtype=torch.float32, i_c=0.5, beta=0.1, dual_step=0.1)
    bottleneck.dual_step(torch.tensor([kl, 0.5]), ALIVE)
    torch.testing.assert_close(bottleneck.beta, torch.tensor([beta, 0.1]), rtol=1e-6, atol=1e-7)


def test_beta_leaves_zero_again():
    bottleneck = build(dtype=torch.float32, i_c=0.5, beta=0.0, dual_step=0.1)
    bottleneck.dual_step(torch.tensor([0.0, 0.0]), ALIVE)
    assert bottleneck.beta.tolist() == [0.0, 0.0]
    bottleneck.dual_step(torch.tensor([1.5, 0.0]), ALIVE)
    torch.testing.assert_close(bottleneck.beta, torch.tensor([0.1, 0.0]))


def test_fixed_beta_and_dead_seeds_stand_still():
    fixed, adaptive = build(beta=0.3), build(dtype=torch.float32, i_c=0.5, beta=0.3, dual_step=0.1)
    fixed.dual_step(torch.tensor([9.0, 9.0]), ALIVE)
    adaptive.dual_step(torch.tensor([9.0, math.nan]), torch.tensor([True, False]))
    torch.testing.assert_close(fixed.beta.float(), torch.tensor([0.3, 0.3]))
    torch.testing.assert_close(adaptive.beta, torch.tensor([1.15, 0.3]))


def test_beta_is_part_of_the_state():
    """Saved and loaded, also when it was clamped to 0."""
    bottleneck = build(dtype=torch.float32, i_c=9.0, beta=0.1, dual_step=1.0)
    bottleneck.dual_step(torch.zeros(2), ALIVE)
    other = build(dtype=torch.float32, i_c=9.0, beta=0.1, dual_step=1.0)
    other.load_state_dict(bottleneck.state_dict())
    assert other.beta.tolist() == [0.0, 0.0] and other.beta.dtype == torch.float32


def test_noise_off_is_the_plain_code():
    bottleneck, plain, h = build(noise=False), PlainCode(layer((5,)), 3).double(), features((5,))
    plain.load_state_dict({k: v for k, v in bottleneck.state_dict().items() if k.startswith("mu.")})
    code = bottleneck(h, torch.ones(2, 4, 3))
    assert torch.equal(code.z, plain(h).z) and torch.equal(code.mean, code.z) and plain(h).kl is None


@pytest.mark.parametrize("block", [{"i_c": 0.1}, {"dual_step": 1e-5}, {"i_c": -1.0, "dual_step": 1e-5}, {"beta": -0.1}])
def test_blocks_that_mean_nothing_are_refused(block):
    with pytest.raises(ValidationError):
        BottleneckParams(**block)
