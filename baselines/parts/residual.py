"""Residual image nets of the released VDB code, at any power-of-two size from 16.

Source: VDB (arXiv 1810.00821), architecture of the released image code, itself that of
"Which training methods for GANs do actually converge?" (arXiv 1801.04406). No normalisation layer.
The released code feeds a label embedding clamped to one class; a constant input is an extra bias
of the first linear layer, which has one, so it is left out here.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.parts.layers import SLOPE, StackedLinear, full, lrelu
from baselines.parts.maps import Maps, maps_of
from baselines.parts.stacked_convolution import StackedConv2d
from harness.contracts import BenchError

BASE = 4  # height and width of the smallest feature map
RESIDUAL_SCALE = 0.1


def upsample(x: Tensor) -> Tensor:
    """Nearest neighbour, x: [B, C, H, W] -> [B, C, 2H, 2W]."""
    return F.interpolate(x, scale_factor=2, mode="nearest")


def avg_pool(x: Tensor) -> Tensor:
    """3x3 mean with stride 2, x: [B, C, H, W] -> [B, C, H/2, W/2]; the zero border counts, as released."""
    return F.avg_pool2d(x, 3, stride=2, padding=1)


def lrelu_(x: Tensor) -> Tensor:
    """In place, where nobody else needs x."""
    return F.leaky_relu_(x, SLOPE)


def added_into(past: Tensor, x: Tensor) -> Tensor:
    """In place of x."""
    return x.add_(past)


def stage_widths(shape: tuple[int, int, int], width: int, max_width: int) -> list[int]:
    """Channels from the full size down to 4x4: min(width 2^i, max_width), i = 0 .. log2(size / 4).

    Raises BenchError unless `shape` (C, H, W) is square with a power of two from 16.
    """
    _, height, size = shape
    if height != size or size < 16 or size & (size - 1):
        raise BenchError(f"residual nets need square images of 16, 32, 64, ... pixels, not {height}x{size}")
    stages = (size // BASE).bit_length() - 1
    return [min(width * 2**i, max_width) for i in range(stages + 1)]


class ResidualBlock(nn.Module):
    """shortcut(x) + 0.1 conv(lrelu(conv(lrelu(x)))), x: [S, B, in, H, W] -> [S, B, out, H, W] as maps.

    The shortcut is the identity, or a 1x1 convolution without bias where widths differ.
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
        return past.each(added_into, self.conv_1.maps(hidden, RESIDUAL_SCALE))


class ResidualGenerator(nn.Module):
    """Latent z [S, B, latent] -> images [S, B, C, H, W] in (-1, 1); `shape` is (C, H, W)."""

    def __init__(self, n_seeds: int, latent: int, shape: tuple[int, int, int], width: int = 32, max_width: int = 256):
        super().__init__()
        widths = stage_widths(shape, width, max_width)[::-1]
        self.project = StackedLinear(n_seeds, latent, widths[0] * BASE * BASE)
        self.stages = nn.ModuleList(ResidualBlock(n_seeds, a, b) for a, b in zip(widths, widths[1:]))
        self.last = ResidualBlock(n_seeds, widths[-1], widths[-1])
        self.to_image = StackedConv2d(n_seeds, widths[-1], shape[0], 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        x = maps_of(self.project(z).unflatten(2, (-1, BASE, BASE)))
        for block in self.stages:
            x = block(x).each(upsample)
        return torch.tanh(full(self.to_image.maps(self.last(x).each(lrelu)).stacked()))


class ResidualBody(nn.Module):
    """The discriminator's trunk: x [S, B, C, H, W] -> features [S, B, channels, 4, 4], not yet activated.

    What follows (bottleneck or code, flatten, lrelu, linear) is the critic's. Pooling comes before
    each block, as in the released code; the first version's appendix lists it after.
    """

    def __init__(self, n_seeds: int, shape: tuple[int, int, int], width: int = 32, max_width: int = 256):
        super().__init__()
        widths = stage_widths(shape, width, max_width)
        self.features = (widths[-1], BASE, BASE)
        self.from_image = StackedConv2d(n_seeds, shape[0], widths[0], 3, padding=1)
        self.first = ResidualBlock(n_seeds, widths[0], widths[0])
        self.stages = nn.ModuleList(ResidualBlock(n_seeds, a, b) for a, b in zip(widths, widths[1:]))

    def forward(self, x: Tensor) -> Tensor:
        maps = self.first(self.from_image.maps(maps_of(x)))
        for block in self.stages:
            maps = block(maps.each(avg_pool))
        return maps.stacked()

    def before_code(self, h: Tensor) -> Tensor:
        """The released code takes its 1x1 convolutions of the last block's sum as it is."""
        return h
