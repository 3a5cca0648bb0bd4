"""Stacked layers against torch's own, one seed at a time, and initial weights by path and shape."""

import copy

import pytest
import torch
import torch.nn.functional as F

from baselines.parts.layers import MLP, StackedLinear, lrelu
from baselines.parts.nets.stacked_convolution import StackedConv2d
from harness.contracts import initialise
from harness.run.seeds import CounterDraws


def filled(layer, seeds=None):
    n_seeds = len(next(layer.parameters()))
    initialise(layer, CounterDraws(seeds or range(n_seeds), "test"))
    return layer


@pytest.mark.parametrize("bias", [True, False])
def test_linear(bias):
    layer, x = filled(StackedLinear(2, 5, 3, bias=bias)), torch.randn(2, 4, 5)
    for k in range(2):
        torch.testing.assert_close(layer(x)[k], F.linear(x[k], layer.weight[k], layer.bias[k] if bias else None))


def test_the_gradient_of_a_weight_lies_in_memory_as_the_weight_does():
    """Then autograd keeps it as it is; a copy into another order takes as long as a product."""
    first = filled(StackedLinear(2, 5, 3))
    for layer in (first, copy.deepcopy(first)):
        layer(torch.randn(2, 4, 5)).sum().backward()
        assert layer.weight.shape == (2, 3, 5) and layer.weight.grad.stride() == layer.weight.stride() == (15, 1, 3)


@pytest.mark.parametrize("bias", [True, False])
def test_conv(bias):
    layer, x = filled(StackedConv2d(2, 3, 4, 3, stride=2, padding=1, bias=bias)), torch.randn(2, 5, 3, 8, 8)
    for k in range(2):
        expected = F.conv2d(x[k], layer.weight[k], layer.bias[k] if bias else None, stride=2, padding=1)
        torch.testing.assert_close(layer(x)[k], expected)


def test_mlp_is_affine_and_activation_in_turn():
    net, x = filled(MLP(1, 4, 6, 2, 2)), torch.randn(1, 3, 2, 2)
    h = x[0].flatten(1)
    for layer in net.hidden:
        h = F.leaky_relu(F.linear(h, layer.weight[0], layer.bias[0]), 0.2)
    torch.testing.assert_close(net(x)[0], F.linear(h, net.out.weight[0], net.out.bias[0]))


def test_without_an_output_the_last_hidden_layer_is_not_activated():
    net, x = filled(MLP(1, 4, 6, 2, None)), torch.randn(1, 3, 4)
    h = lrelu(F.linear(x[0], net.hidden[0].weight[0], net.hidden[0].bias[0]))
    torch.testing.assert_close(net(x)[0], F.linear(h, net.hidden[1].weight[0], net.hidden[1].bias[0]))


def test_initial_weights_are_uniform_on_one_over_root_fan_in():
    layer = filled(StackedConv2d(1, 16, 32, 3))
    bound = 1 / (16 * 9) ** 0.5
    assert layer.weight.abs().max() <= bound
    # The variance of a uniform is bound^2 / 3; with 4,608 weights its relative error is 0.013.
    assert abs(float(layer.weight.detach().var() / (bound**2 / 3)) - 1) < 0.06
    assert layer.bias.abs().max() > bound / 2


def test_equal_path_and_shape_start_equal_whatever_else_there_is():
    small = filled(torch.nn.ModuleDict({"a": StackedLinear(2, 5, 3)}))
    large = filled(torch.nn.ModuleDict({"b": StackedLinear(2, 5, 3), "a": StackedLinear(2, 5, 3)}))
    assert torch.equal(small["a"].weight, large["a"].weight)
    assert not torch.equal(large["a"].weight, large["b"].weight)
    assert torch.equal(filled(StackedLinear(1, 5, 3), (1,)).weight[0], filled(StackedLinear(2, 5, 3)).weight[1])


def test_a_bias_starts_equal_only_where_the_fan_in_is():
    """Its shape does not tell the fan-in, its bound does: the draw is the same, on another interval."""
    narrow, wide = (filled(torch.nn.ModuleDict({"head": StackedLinear(2, n_in, 3)}))["head"].bias for n_in in (4, 9))
    assert not torch.allclose(narrow, wide)
    torch.testing.assert_close(narrow * 4**0.5, wide * 9**0.5)
