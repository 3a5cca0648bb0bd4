"""Weights on a circle: the shares of each phase, one set at its own place, linear in between, and a seed in a stack."""

import math

import pytest
import torch

from baselines.parts.nets.perceptron import MLPParams
from baselines.parts.nets.phased import SETS, PhasedBody, PhasedLinear, shares
from harness.contracts import BenchError, initialise
from harness.run.seeds import CounterDraws


def circle(phase):
    return torch.cos(2 * math.pi * phase), torch.sin(2 * math.pi * phase)


def test_two_neighbours_share_a_phase_linearly():
    found = shares(*circle(torch.tensor([0.0, 1 / SETS, 0.25 / SETS, -0.4 / SETS], dtype=torch.float64)))
    expected = torch.zeros(4, SETS, dtype=torch.float64)
    expected[0, 0] = expected[1, 1] = 1.0
    expected[2, 0], expected[2, 1] = 0.75, 0.25
    expected[3, 0], expected[3, -1] = 0.6, 0.4
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)


def test_a_layer_is_the_blend_of_ordinary_layers():
    layer, g = PhasedLinear(2, 3, 4), torch.Generator().manual_seed(0)
    initialise(layer, CounterDraws((0, 1), "test"))
    x, weights = torch.randn(2, 6, 3, generator=g), shares(*circle(torch.rand(2, 6, generator=g)))
    weight, bias = layer.weight.unflatten(2, (SETS, 3)), layer.bias.unflatten(1, (SETS, 4))
    each = torch.einsum("soki,sbi->skbo", weight, x) + bias.unsqueeze(2)
    torch.testing.assert_close(layer(x, weights), torch.einsum("sbk,skbo->sbo", weights, each))


def test_the_phase_chooses_weights_and_is_no_input():
    body = PhasedBody(2, 5, 2, MLPParams(kind="mlp", width=8, depth=2))
    initialise(body, CounterDraws((0, 1), "test"))
    x = torch.randn(2, 7, 5, generator=torch.Generator().manual_seed(0))
    longer = torch.cat([x[..., :3], 3.0 * x[..., 3:]], -1)  # the same angle
    torch.testing.assert_close(body(longer), body(x))
    other = torch.cat([x[..., :3], -x[..., 3:]], -1)
    assert (body(other) - body(x)).abs().max() > 0.01
    alone = PhasedBody(1, 5, 2, MLPParams(kind="mlp", width=8, depth=2))
    initialise(alone, CounterDraws((1,), "test"))
    torch.testing.assert_close(alone(x[1:]), body(x)[1:])


def test_without_a_phase_it_says_so():
    with pytest.raises(BenchError, match="end with the cosine and sine of a phase"):
        PhasedBody(1, 5, 0, MLPParams(kind="mlp", width=8, depth=2))
