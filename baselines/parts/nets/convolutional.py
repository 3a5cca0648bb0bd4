"""Plain convolutional nets for square images whose side is a power of two from 8, without shortcuts or normalisation.

The shape is that of DCGAN (Radford et al., 2016): the critic halves the image by strided convolutions, the generator
doubles it. Doubling is by sub-pixel convolutions (Shi et al., 2016), whose channels become the four pixels of each old
one. Initial weights have the scale of He et al. (2015), so that images and gradients keep their size in nets without
normalisation.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from baselines.parts.fast.maps import Maps, maps_of
from baselines.parts.layers import SLOPE, StackedLinear, full, lrelu
from baselines.parts.nets.stacked_convolution import StackedConv2d
from harness.contracts import BenchError, Settings

BASE = 4  # height and width of the smallest feature map


class ConvolutionalParams(Settings):
    """The parameters of a convolutional net. The width doubles each time the image is halved, up to max_width."""

    kind: Literal["convolutional"]
    width: int = Field(16, ge=1)
    max_width: int = Field(64, ge=1)


def stage_widths(shape: tuple[int, ...], params: ConvolutionalParams) -> list[int]:
    """Return the channels from full size down to 4x4.

    Raises BenchError unless `shape` (C, H, W) is square and its side is a power of two from 8.
    """
    _, height, size = shape
    if height != size or size < 2 * BASE or size & (size - 1):
        raise BenchError(f"convolutional nets need square images of 8, 16, 32, ... pixels, got {height}x{size}")
    stages = (size // BASE).bit_length() - 1
    return [min(params.width * 2**i, params.max_width) for i in range(stages + 1)]


def he_bound(fan_in: int, activated: bool = True) -> float:
    """Return the bound of uniform weights that keep the mean square of what they sum (He et al., 2015, eq. 10, 15).

    fan_in: the number of inputs of a unit.
    activated: whether the inputs have passed the LeakyReLU.
    """
    return math.sqrt(3 * (2 / (1 + SLOPE**2) if activated else 1) / fan_in)


def pixel_shuffle(x: Tensor) -> Tensor:
    """Make every four channels the four pixels of each old one, x [N, 4 D, H, W] -> [N, D, 2H, 2W]."""
    return F.pixel_shuffle(x, 2)


class ConvolutionalGenerator(nn.Module):
    """A generator: latents z [S, B, latent] -> images [S, B, C, H, W] in [-1, 1]; `shape` is (C, H, W)."""

    def __init__(self, n_seeds: int, latent: int, shape: tuple[int, ...], params: ConvolutionalParams):
        super().__init__()
        widths = stage_widths(shape, params)[::-1]
        self.project = StackedLinear(n_seeds, latent, widths[0] * BASE * BASE, bound=he_bound(latent, activated=False))
        self.stages = nn.ModuleList(
            StackedConv2d(n_seeds, a, 4 * b, 3, padding=1, bound=he_bound(9 * a)) for a, b in pairwise(widths)
        )
        self.to_image = StackedConv2d(n_seeds, widths[-1], shape[0], 3, padding=1, bound=he_bound(9 * widths[-1]))

    def forward(self, z: Tensor) -> Tensor:
        x: Maps = maps_of(self.project(z).unflatten(2, (-1, BASE, BASE)))
        for layer in self.stages:
            assert isinstance(layer, StackedConv2d)
            x = layer.maps(x.each(lrelu)).each(pixel_shuffle)
        return torch.tanh(full(self.to_image.maps(x.each(lrelu)).stack()))


class ConvolutionalBody(nn.Module):
    """A critic's body: x [S, B, C, H, W] -> features [S, B, 16 channels], before their activation.

    `features` is the shape of one sample's features.
    """

    def __init__(self, n_seeds: int, shape: tuple[int, ...], params: ConvolutionalParams):
        super().__init__()
        widths = stage_widths(shape, params)
        self.n_seeds, self.features = n_seeds, (widths[-1] * BASE * BASE,)
        self.from_image = StackedConv2d(
            n_seeds, shape[0], widths[0], 3, padding=1, bound=he_bound(9 * shape[0], activated=False)
        )
        self.stages = nn.ModuleList(
            StackedConv2d(n_seeds, a, b, 4, 2, 1, bound=he_bound(16 * a)) for a, b in pairwise(widths)
        )

    def forward(self, x: Tensor) -> Tensor:
        maps = self.from_image.maps(maps_of(x))
        for layer in self.stages:
            assert isinstance(layer, StackedConv2d)
            maps = layer.maps(maps.each(lrelu))
        return maps.stack().flatten(2)

    def before_code(self, h: Tensor) -> Tensor:
        """Activate features h, because a linear code of linear features would be one linear layer."""
        return lrelu(h)

    def code_layer(self, size: int, bound: float | None = None) -> nn.Module:
        """Return a layer from features [S, B, n] to a code [S, B, size].

        bound: the bound of its initial weights.
        """
        return StackedLinear(self.n_seeds, *self.features, size, bound=bound)
