"""Residual nets for square images whose side is a power of two from 16, without normalisation layers.

The architecture is that of the image code that Peng et al. (2019) released, which took it from Mescheder et al. (2018),
"Which training methods for GANs do actually converge?". The released code also feeds in a label embedding that is
clamped to one class. A constant input only adds to the bias of the first linear layer, so it is omitted here.
"""

from __future__ import annotations

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
RESIDUAL_SCALE = 0.1


class ResidualParams(Settings):
    """The parameters of a residual net. The width doubles each time the image is halved, up to max_width."""

    kind: Literal["residual"]
    width: int = Field(32, ge=1)
    max_width: int = Field(256, ge=1)


def upsample(x: Tensor) -> Tensor:
    """Double the size by nearest neighbours, x [B, C, H, W] -> [B, C, 2H, 2W]."""
    return F.interpolate(x, scale_factor=2, mode="nearest")


def avg_pool(x: Tensor) -> Tensor:
    """Halve the size by 3x3 means, x [B, C, H, W] -> [B, C, H/2, W/2]; as released, the zero border counts."""
    return F.avg_pool2d(x, 3, stride=2, padding=1)


def lrelu_(x: Tensor) -> Tensor:
    """Apply `lrelu` in place; use it only if nothing else needs x."""
    return F.leaky_relu_(x, SLOPE)


def add_into(past: Tensor, x: Tensor) -> Tensor:
    """Return past + x, stored in place of x."""
    return x.add_(past)


def stage_widths(shape: tuple[int, ...], width: int, max_width: int) -> list[int]:
    """Return the channels from full size down to 4x4: min(width 2^i, max_width) for i = 0 .. log2(size / 4).

    Raises BenchError unless `shape` (C, H, W) is square and its side is a power of two from 16.
    """
    _, height, size = shape
    if height != size or size < 16 or size & (size - 1):
        raise BenchError(f"residual nets need square images of 16, 32, 64, ... pixels, got {height}x{size}")
    stages = (size // BASE).bit_length() - 1
    return [min(width * 2**i, max_width) for i in range(stages + 1)]


class ResidualBlock(nn.Module):
    """shortcut(x) + 0.1 conv(lrelu(conv(lrelu(x)))), x: [S, B, in, H, W] -> [S, B, out, H, W] as maps.

    The shortcut is the identity, or a 1x1 convolution without bias if the widths differ.
    """

    def __init__(self, n_seeds: int, n_in: int, n_out: int):
        super().__init__()
        hidden = min(n_in, n_out)
        self.conv_0 = StackedConv2d(n_seeds, n_in, hidden, 3, padding=1)
        self.conv_1 = StackedConv2d(n_seeds, hidden, n_out, 3, padding=1)
        self.shortcut = nn.Identity() if n_in == n_out else StackedConv2d(n_seeds, n_in, n_out, 1, bias=False)

    def forward(self, x: Maps) -> Maps:
        past = x if isinstance(self.shortcut, nn.Identity) else self.shortcut.maps(x)
        hidden = self.conv_0.maps(x.each(lrelu)).each(lrelu_)
        return past.each(add_into, self.conv_1.maps(hidden, RESIDUAL_SCALE))


class ResidualGenerator(nn.Module):
    """A generator: latents z [S, B, latent] -> images [S, B, C, H, W] in [-1, 1]; `shape` is (C, H, W)."""

    def __init__(self, n_seeds: int, latent: int, shape: tuple[int, ...], params: ResidualParams):
        super().__init__()
        widths = stage_widths(shape, params.width, params.max_width)[::-1]
        self.project = StackedLinear(n_seeds, latent, widths[0] * BASE * BASE)
        self.stages = nn.ModuleList(ResidualBlock(n_seeds, a, b) for a, b in pairwise(widths))
        self.last = ResidualBlock(n_seeds, widths[-1], widths[-1])
        self.to_image = StackedConv2d(n_seeds, widths[-1], shape[0], 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        x = maps_of(self.project(z).unflatten(2, (-1, BASE, BASE)))
        for block in self.stages:
            x = block(x).each(upsample)
        return torch.tanh(full(self.to_image.maps(self.last(x).each(lrelu)).stack()))


class ResidualBody(nn.Module):
    """A critic's body: x [S, B, C, H, W] -> features [S, B, channels, 4, 4], not yet activated.

    `features` is the shape of one sample's features. Pooling precedes each block, as in the released code; the appendix
    of the paper's first version lists it after each block.
    """

    def __init__(self, n_seeds: int, shape: tuple[int, ...], params: ResidualParams):
        super().__init__()
        widths = stage_widths(shape, params.width, params.max_width)
        self.n_seeds, self.features = n_seeds, (widths[-1], BASE, BASE)
        self.from_image = StackedConv2d(n_seeds, shape[0], widths[0], 3, padding=1)
        self.first = ResidualBlock(n_seeds, widths[0], widths[0])
        self.stages = nn.ModuleList(ResidualBlock(n_seeds, a, b) for a, b in pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        maps = self.first(self.from_image.maps(maps_of(x)))
        for block in self.stages:
            maps = block(maps.each(avg_pool))
        return maps.stack()

    def before_code(self, h: Tensor) -> Tensor:
        """Return features h unchanged: the released code convolves the last block's sum without an activation."""
        return h

    def code_layer(self, size: int, bound: float | None = None) -> nn.Module:
        """Return a 1x1 convolution from the features to a code [S, B, size, 4, 4].

        bound: the bound of its initial weights.
        """
        return StackedConv2d(self.n_seeds, self.features[0], size, 1, bound=bound)
