"""The body of a critic of video: torch's own convolutions seed by seed, and which pictures it takes."""

import pytest
import torch
import torch.nn.functional as F

from baselines.parts.nets.strided import StridedBody, StridedParams
from harness.contracts import BenchError, initialise
from harness.run.seeds import CounterDraws


def test_it_is_torchs_convolutions_for_each_seed():
    body = StridedBody(2, (3, 16, 16), StridedParams(kind="strided", width=4, hidden=6))
    initialise(body, CounterDraws((0, 1), "test"))
    x = torch.rand(2, 5, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    for seed in range(2):
        h = x[seed]
        for layer in body.layers:
            h = F.leaky_relu(F.conv2d(h, layer.weight[seed], layer.bias[seed], stride=2, padding=1), 0.2)
        assert h.shape == (5, 8, 2, 2)
        expected = F.linear(h.flatten(1), body.last.weight[seed], body.last.bias[seed])
        torch.testing.assert_close(body(x)[seed], expected, atol=1e-5, rtol=1e-4)
    assert body.code_layer(3)(body.before_code(body(x))).shape == (2, 5, 3)


def test_pictures_of_other_sizes_are_refused():
    with pytest.raises(BenchError, match="multiple of 8 pixels a side, got 20x16"):
        StridedBody(1, (1, 20, 16), StridedParams(kind="strided"))
