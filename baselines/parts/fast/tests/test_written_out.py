"""Gradients written out against autograd over the general path's own objective."""

import pytest
import torch
from torch import nn

from baselines.parts.adversarial.spectral import add_spectral_norm
from baselines.parts.control.policy import GaussianPolicy, PolicyParams
from baselines.parts.control.ppo import clipped_surrogate
from baselines.parts.control.value import value_loss
from baselines.parts.fast.frozen import freeze
from baselines.parts.fast.written_out import applies, squared_error, surrogate
from baselines.parts.layers import MLP, StackedLinear

S, B, N_IN, A = 3, 17, 5, 2


def filled(module: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter, 0.0, 0.5)
    return module.double()


def normal(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def gradients(module: nn.Module) -> list[torch.Tensor]:
    return [parameter.grad.clone() for parameter in module.parameters()]


@pytest.mark.parametrize("bonus", [0.0, 0.3])
@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_clipped_surrogate(activation: str, depth: int, bonus: float) -> None:
    policy = filled(GaussianPolicy(S, N_IN, A, PolicyParams(width=6, depth=depth, activation=activation)))
    observations, actions, advantages = normal(S, B, N_IN), normal(S, B, A), normal(S, B)
    new = policy.distribution(observations)
    # Old densities for ratios below, within and above the clip, with gains of both signs.
    old = (policy.log_density(new, actions) + 0.3 * normal(S, B)).detach()
    ratio = (policy.log_density(new, actions) - old).exp()
    assert all(
        ((ratio < 0.8) & (advantages * sign > 0)).any() and ((ratio > 1.2) & (advantages * sign > 0)).any()
        for sign in (1, -1)
    )
    gain = clipped_surrogate(policy.log_density(new, actions) - old, advantages, 0.2).mean(1)
    loss = -gain - bonus * policy.entropy(new).mean(1)
    loss.sum().backward()
    expected = gradients(policy)
    found = surrogate(policy.net, policy.log_std, observations, actions, old, advantages, 0.2, bonus)
    torch.testing.assert_close(found, loss.detach(), rtol=1e-12, atol=1e-12)
    for ours, theirs in zip(gradients(policy), expected):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
        assert ours.stride() == theirs.stride(), "an optimiser's moments have the order of the parameter"


@pytest.mark.parametrize("clip", [None, 0.2])
def test_squared_error(clip: float | None) -> None:
    net = filled(MLP(S, N_IN, 6, 2, 1, torch.tanh))
    observations, targets = normal(S, B, N_IN), normal(S, B)
    old = (net(observations).squeeze(2) + 0.3 * normal(S, B)).detach()
    loss = value_loss(net(observations).squeeze(2), old, targets, clip).mean(1)
    loss.sum().backward()
    expected = gradients(net)
    found = squared_error(net, observations, old, targets, clip)
    torch.testing.assert_close(found, loss.detach(), rtol=1e-12, atol=1e-12)
    for ours, theirs in zip(gradients(net), expected):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


def test_a_seed_that_is_not_finite_spoils_no_other() -> None:
    net = filled(MLP(S, N_IN, 6, 2, 1, torch.tanh))
    observations, targets = normal(S, B, N_IN), normal(S, B)
    clean = squared_error(net, observations, targets, targets, None), gradients(net)
    observations[1, 0, 0] = torch.nan
    loss, spoilt = squared_error(net, observations, targets, targets, None), gradients(net)
    assert loss[1].isnan()
    for other in (0, 2):
        assert loss[other] == clean[0][other] and all(torch.equal(a[other], b[other]) for a, b in zip(spoilt, clean[1]))


def test_what_is_not_known_is_left_to_autograd() -> None:
    assert applies(MLP(1, 3, 4, 1, 2, torch.tanh))
    assert not applies(MLP(1, 3, 4, 1, 2))  # leaky
    assert not applies(MLP(1, 3, 4, 1, None, torch.tanh))
    assert not applies(StackedLinear(1, 3, 2))
    constrained = MLP(1, 3, 4, 1, 2, torch.tanh)
    add_spectral_norm(constrained)
    assert not applies(constrained)


def test_a_held_net_is_the_net() -> None:
    net = filled(MLP(S, N_IN, 6, 2, A, torch.tanh))
    x = normal(S, B, N_IN)
    torch.testing.assert_close(freeze(net)(x), net(x))
