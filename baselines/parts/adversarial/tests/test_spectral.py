"""Spectral norm: the top singular value per seed, moved only when told, differentiable twice."""

import copy

import pytest
import torch

from baselines.parts.adversarial.spectral import add_spectral_norm, advance_spectral_norm
from baselines.parts.layers import MLP, StackedLinear
from baselines.parts.nets.stacked_convolution import StackedConv2d
from harness.contracts import initialise
from harness.run.seeds import CounterDraws


def build(make):
    layer = make()
    add_spectral_norm(layer)
    initialise(layer, CounterDraws(range(3), "test"))
    return layer


LAYERS = {"linear": lambda: StackedLinear(3, 20, 12), "conv": lambda: StackedConv2d(3, 5, 7, 3)}
ALIVE = torch.ones(3, dtype=torch.bool)


@pytest.mark.parametrize("kind", LAYERS)
def test_top_singular_value(kind):
    """1 +- 1e-3 after 100 steps, of the weight as (out, everything else), for each seed by itself."""
    layer = build(LAYERS[kind])
    for _ in range(100):
        advance_spectral_norm(layer, ALIVE)
    for k in range(3):
        top = torch.linalg.svdvals(layer.effective_weight()[k].flatten(1))[0]
        assert abs(top - 1) < 1e-3
    scaled = layer.weight.flatten(2).norm(dim=(1, 2)) / layer.effective_weight().flatten(2).norm(dim=(1, 2))
    torch.testing.assert_close(scaled, torch.linalg.svdvals(layer.weight.flatten(2))[:, 0], rtol=1e-3, atol=0)


@pytest.mark.parametrize("kind", LAYERS)
def test_a_layer_gives_numbers_before_its_first_step(kind):
    assert torch.isfinite(build(LAYERS[kind]).effective_weight()).all()


def test_one_power_iteration_at_a_time():
    layer = build(LAYERS["linear"])
    u, w = layer.spectral.u.clone(), layer.weight.detach()
    advance_spectral_norm(layer, ALIVE)
    v = torch.nn.functional.normalize((w.transpose(1, 2) @ u[..., None]).squeeze(2), dim=1)
    torch.testing.assert_close(layer.spectral.v, v)
    torch.testing.assert_close(layer.spectral.u, torch.nn.functional.normalize((w @ v[..., None]).squeeze(2), dim=1))


def test_vectors_are_saved_and_frozen_when_not_advanced():
    layer = build(LAYERS["linear"])
    advance_spectral_norm(layer, ALIVE)
    state = copy.deepcopy(layer.state_dict())
    assert {"spectral.u", "spectral.v"} <= state.keys()
    layer.train()
    layer(torch.randn(3, 4, 20)).sum().backward()
    layer.eval()
    layer(torch.randn(3, 4, 20))
    for name, value in layer.state_dict().items():
        assert torch.equal(value, state[name]), name


def test_the_vectors_of_a_dead_seed_stand_still():
    layer = build(LAYERS["linear"])
    before = copy.deepcopy(layer.spectral.state_dict())
    advance_spectral_norm(layer, torch.tensor([True, False, True]))
    for name, value in layer.spectral.state_dict().items():
        assert torch.equal(value[1], before[name][1]) and not torch.equal(value[0], before[name][0]), name


def test_gradient_flows_through_sigma():
    """d (W / sigma) with u, v constant: orthogonal to W, since scaling W leaves W / sigma as it is."""
    layer = build(LAYERS["linear"])
    advance_spectral_norm(layer, ALIVE)
    layer.effective_weight().pow(3).sum().backward()
    along = (layer.weight.grad * layer.weight).flatten(1).sum(1)
    assert along.abs().max() < 1e-4 * layer.weight.grad.abs().max() and layer.weight.grad.abs().max() > 1e-3


def test_double_backward_by_finite_differences():
    """The gradient of a squared input gradient in the weight, taken after a later advance moved u and v."""
    net = MLP(1, 4, 6, 1, 1)
    add_spectral_norm(net)
    initialise(net, CounterDraws([0], "test"))
    net.double()
    alive = torch.ones(1, dtype=torch.bool)
    advance_spectral_norm(net, alive)
    state = copy.deepcopy(net.state_dict())
    x0 = torch.randn(1, 5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def penalty():
        x = x0.clone().requires_grad_()
        (g,) = torch.autograd.grad(torch.tanh(net(x)).sum(), x, create_graph=True)
        return g.square().sum()

    value = penalty()
    advance_spectral_norm(net, alive)
    (gradient,) = torch.autograd.grad(value, net.hidden[0].weight)
    h = 1e-5  # central differences: error h^2 = 1e-10 and rounding 1e-16 / h = 1e-11
    for place in [(0, 0, 0), (0, 3, 2), (0, 5, 3)]:
        values = []
        for sign in (1, -1):
            net.load_state_dict(state)
            net.hidden[0].weight.data[place] += sign * h
            values.append(float(penalty()))
        assert abs((values[0] - values[1]) / (2 * h) - float(gradient[place])) < 1e-8
