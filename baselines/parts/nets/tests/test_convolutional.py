"""The plain convolutional nets: torch's own layers seed by seed, and a start at which images keep their size."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F

from baselines.parts.nets.convolutional import (
    ConvolutionalBody,
    ConvolutionalGenerator,
    ConvolutionalParams,
    he_bound,
    pixel_shuffle,
    stage_widths,
)
from harness.contracts import BenchError, initialise
from harness.run.seeds import CounterDraws

lrelu = partial(F.leaky_relu, negative_slope=0.2)


def params(width=4, max_width=8):
    return ConvolutionalParams(kind="convolutional", width=width, max_width=max_width)


def begun(module, n_seeds=2):
    initialise(module, CounterDraws(tuple(range(n_seeds)), "test"))
    return module


@pytest.mark.parametrize("size", [8, 16, 32])
def test_shapes(size):
    generator = begun(ConvolutionalGenerator(2, 5, (3, size, size), params()))
    body = begun(ConvolutionalBody(2, (3, size, size), params()))
    images = generator(torch.randn(2, 3, 5))
    assert images.shape == (2, 3, 3, size, size) and images.abs().max() <= 1
    channels = stage_widths((3, size, size), params())[-1]
    assert body.features == (16 * channels,) and body(images).shape == (2, 3, 16 * channels)
    assert body.code_layer(7)(body(images)).shape == (2, 3, 7)


def test_widths_double_until_the_maximum():
    assert stage_widths((3, 32, 32), params(16, 64)) == [16, 32, 64, 64]


@pytest.mark.parametrize("shape", [(1, 4, 4), (3, 48, 48), (3, 32, 64)])
def test_other_sizes_are_refused(shape):
    with pytest.raises(BenchError, match=f"got {shape[1]}x{shape[2]}"):
        ConvolutionalBody(1, shape, params())


def test_the_critic_is_torchs_convolutions_for_each_seed():
    body = begun(ConvolutionalBody(2, (3, 16, 16), params()))
    x = torch.randn(2, 5, 3, 16, 16)
    for k, h in enumerate(x):
        h = F.conv2d(h, body.from_image.weight[k], body.from_image.bias[k], padding=1)
        for layer in body.stages:
            h = F.conv2d(lrelu(h), layer.weight[k], layer.bias[k], stride=2, padding=1)
        torch.testing.assert_close(body(x)[k], h.flatten(1))


def test_the_generator_is_torchs_convolutions_for_each_seed():
    generator = begun(ConvolutionalGenerator(2, 6, (3, 16, 16), params()))
    z = torch.randn(2, 5, 6)
    for k in range(2):
        h = F.linear(z[k], generator.project.weight[k], generator.project.bias[k]).view(5, -1, 4, 4)
        for layer in generator.stages:
            h = F.pixel_shuffle(F.conv2d(lrelu(h), layer.weight[k], layer.bias[k], padding=1), 2)
        h = F.conv2d(lrelu(h), generator.to_image.weight[k], generator.to_image.bias[k], padding=1)
        torch.testing.assert_close(generator(z)[k], torch.tanh(h))


def test_four_channels_are_the_four_pixels_of_one():
    x = torch.arange(8.0).view(1, 8, 1, 1)
    assert pixel_shuffle(x).tolist() == [[[[0, 1], [2, 3]], [[4, 5], [6, 7]]]]


def test_images_and_features_keep_their_size_at_the_start():
    """He's scale: the mean square of what a layer sums stays that of its inputs, so that a pixel's is about 1."""
    wide = ConvolutionalParams(kind="convolutional", width=32, max_width=64)
    generator = begun(ConvolutionalGenerator(2, 64, (3, 32, 32), wide))
    body = begun(ConvolutionalBody(2, (3, 32, 32), wide))
    before = torch.atanh(generator(torch.randn(2, 32, 64)).double().clamp(-1 + 1e-7, 1 - 1e-7)).square().mean()
    features = body(torch.randn(2, 32, 3, 32, 32)).square().mean()
    assert 0.4 < before < 2.5, "zero borders lose some of it"
    assert 0.4 < features < 2.5
    assert he_bound(9) == pytest.approx((6 / 1.04 / 9) ** 0.5)  # sqrt(6 / ((1 + slope^2) fan_in))
    assert he_bound(9, activated=False) == pytest.approx((3 / 9) ** 0.5)


def test_the_gradient_penalty_has_a_gradient_by_every_weight():
    body = begun(ConvolutionalBody(1, (1, 8, 8), params()), 1)
    x = torch.randn(1, 3, 1, 8, 8, requires_grad=True)
    (gradient,) = torch.autograd.grad(body(x).square().sum(), x, create_graph=True)
    gradient.square().sum().backward()
    assert all(layer.weight.grad.abs().sum() > 0 for layer in [body.from_image, *body.stages])
