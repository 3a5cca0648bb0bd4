"""BENCH_PLAIN=1 takes the plain path for every part that has a fast one, and both paths agree."""

import pytest
import torch

from baselines.parts.control.policy import GaussianPolicy, PolicyParams
from baselines.parts.control.ppo import PPO, PPOParams
from baselines.parts.control.value import ValueNet, ValueNetParams
from baselines.parts.fast import convolve, frozen, maps, optimisers, switch, written_out
from baselines.parts.layers import MLP
from baselines.parts.nets.optim import OptimizerParams, SeedOptimizer
from baselines.parts.nets.stacked_convolution import StackedConv2d
from harness.contracts import BenchError, initialise
from harness.run.seeds import CounterDraws

S, B, N_IN, A = 2, 24, 3, 2
TOLERANCE = 1e-9  # relative and absolute, in float64


@pytest.fixture
def draws() -> CounterDraws:
    return CounterDraws(range(S), "test")


@pytest.fixture
def numbers(draws):
    """Standard normal numbers [S, *shape] in float64, the same on both paths."""
    return lambda name, *shape: draws.normal("data", name, shape).double()


def both(monkeypatch, run):
    """What `run` returns on the fast path, and on the plain one with every function of the fast ones out of order."""
    monkeypatch.delenv(switch.VARIABLE, raising=False)
    fast = run()
    monkeypatch.setenv(switch.VARIABLE, "1")
    with monkeypatch.context() as patch:
        for owner, name in (
            (written_out, "surrogate"),
            (written_out, "squared_error"),
            (frozen, "freeze"),
            (convolve._Convolve, "apply"),
            (optimisers.Adam, "step"),
            (maps.Loop, "of"),
        ):
            patch.setattr(owner, name, broken)
        return fast, run()


def broken(*args, **kwargs):
    raise AssertionError("the plain path took a fast one")


def assert_close(fast, plain):
    torch.testing.assert_close(fast, plain, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("name", ["adam", "rmsprop", "sgd"])
def test_optimisers_agree_to_the_bit(monkeypatch, numbers, name):
    params = OptimizerParams(name=name, lr=0.01, betas=(0.5, 0.9), momentum=0.5)

    def run():
        weight = torch.nn.Parameter(numbers("weight", 3))
        optimizer = SeedOptimizer([weight], params, torch.ones(S, dtype=torch.bool))
        assert (type(optimizer.optimizer) is getattr(torch.optim, type(optimizer.optimizer).__name__)) == switch.plain()
        for step in range(4):
            optimizer.step((weight - 1).pow(4).sum(1), step)
        return weight.detach()

    fast, plain = both(monkeypatch, run)
    assert torch.equal(fast, plain) and not torch.equal(fast, numbers("weight", 3))


def test_convolutions_and_their_second_derivatives(monkeypatch, numbers):
    def run():
        layer = StackedConv2d(S, 2, 3, 3, stride=2, padding=1).double()
        layer.weight.data.copy_(numbers("weight", 3, 2, 3, 3)), layer.bias.data.copy_(numbers("bias", 3))
        x = numbers("x", 4, 2, 6, 6).requires_grad_()
        y = layer(x)
        (slope,) = torch.autograd.grad(torch.tanh(y).sum(), x, create_graph=True)
        return y.detach(), slope.detach(), *torch.autograd.grad(slope.square().sum(), list(layer.parameters()))

    fast, plain = both(monkeypatch, run)
    assert_close(fast, plain)


@pytest.mark.parametrize("bonus", [0.0, 0.1])
def test_updates_of_ppo(monkeypatch, draws, numbers, bonus):
    def run():
        policy = GaussianPolicy(S, N_IN, A, PolicyParams(width=5))
        initialise(policy, draws)
        policy = policy.double()
        ppo = PPO(policy, PPOParams(minibatches=2, epochs=3), torch.ones(S, dtype=torch.bool))
        observations, actions = numbers("o", B, N_IN), numbers("a", B, A)
        ppo.update(policy.distribution(observations), observations, actions, numbers("gain", B), bonus, draws)
        return [p.detach() for p in policy.parameters()]

    assert_close(*both(monkeypatch, run))


@pytest.mark.parametrize("clip", [None, 0.1])
def test_fits_of_a_value_net(monkeypatch, draws, numbers, clip):
    def run():
        value = ValueNet(S, N_IN, ValueNetParams(kind="mlp", width=5, minibatches=2, epochs=3, clip=clip))
        initialise(value, draws)
        value = value.double()
        value.bind(torch.ones(S, dtype=torch.bool))
        observations, times = numbers("o", 6, 4, N_IN), torch.zeros(S, 6, 4)
        value.fit(observations, times, value(observations, times), numbers("y", 6, 4), draws)
        return [p.detach() for p in value.parameters()]

    assert_close(*both(monkeypatch, run))


def test_a_policy_that_acts(monkeypatch, draws, numbers):
    def run():
        policy = GaussianPolicy(S, N_IN, A, PolicyParams(width=5))
        initialise(policy, draws)
        with torch.no_grad():
            act = policy.double().acting(numbers("noise", 4, B, A))
            return torch.stack([act(numbers(f"o{t}", B, N_IN), t) for t in range(4)])

    assert_close(*both(monkeypatch, run))


def test_the_switch_is_off_unless_it_is_asked_for(monkeypatch):
    net = MLP(1, 3, 4, 1, 2, torch.tanh)
    for value, plain in ((None, False), ("", False), ("0", False), ("1", True)):
        if value is None:
            monkeypatch.delenv(switch.VARIABLE, raising=False)
        else:
            monkeypatch.setenv(switch.VARIABLE, value)
        assert switch.plain() == plain
        assert written_out.applies(net) == frozen.applies(net) == (not plain)
        assert maps.strategy("cpu") == ("grouped" if plain else "loop")


def test_another_value_is_refused(monkeypatch):
    monkeypatch.setenv(switch.VARIABLE, "yes")
    with pytest.raises(BenchError, match="^BENCH_PLAIN=yes: must be 0 or 1$"):
        switch.plain()
