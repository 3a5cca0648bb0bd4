"""Orthogonal initial weights: lengths, angles, zero biases, a seed in a stack; a policy and a value net have them."""

import pytest
import torch

from baselines.parts.control.policy import PolicyParams, policy
from baselines.parts.control.value import ValueNet, ValueNetParams
from baselines.parts.nets.orthogonal import GAIN
from harness.contracts import TaskSpec, initialise
from harness.run.seeds import CounterDraws

SPEC = TaskSpec("t", (3,), 1, action_size=2)


def made(seeds, **params):
    p = policy(len(seeds), SPEC, PolicyParams(width=8, init="orthogonal", **params))
    initialise(p, CounterDraws(seeds, "test"))
    return p.net


def assert_orthogonal(weight, length):
    rows = weight if weight.shape[1] < weight.shape[2] else weight.mT
    torch.testing.assert_close(
        rows @ rows.mT, (length**2 * torch.eye(rows.shape[1])).expand(len(rows), -1, -1), rtol=1e-5, atol=1e-6
    )


def test_a_policys_layers_are_orthogonal_and_its_last_one_small():
    net = made((0, 1), last_scale=0.01)
    for layer in net.hidden:
        assert_orthogonal(layer.weight, GAIN)
    assert_orthogonal(net.out.weight, 0.01)
    assert not any(layer.bias.any() for layer in (*net.hidden, net.out))
    assert not torch.equal(net.hidden[1].weight[0], net.hidden[1].weight[1])


def test_a_value_net_too():
    value = ValueNet(1, 3, ValueNetParams(kind="mlp", width=8, init="orthogonal"))
    initialise(value, CounterDraws((0,), "test"))
    assert_orthogonal(value.net.hidden[0].weight, GAIN)
    assert_orthogonal(value.net.out.weight, 1.0)


def test_a_linear_policy_too():
    assert_orthogonal(made((0,), depth=0, last_scale=0.5).weight, 0.5)


def test_a_seed_is_itself_in_a_stack():
    alone, stack = made((1,)), made((0, 1))
    for a, b in zip(alone.parameters(), stack.parameters()):
        torch.testing.assert_close(a[0], b[1])


@pytest.mark.parametrize("seed", [0, 1])
def test_directions_are_even(seed):
    """The mean of many rotations is nought: no direction is preferred."""
    weight = made(tuple(range(1000 * seed, 1000 * seed + 400))).hidden[0].weight
    assert weight.mean(0).abs().max() < 6 * weight.std() / 20
