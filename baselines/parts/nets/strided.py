"""A small net of strided convolutions for pictures of at least 8 pixels a side: the body of a critic of video."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from baselines.parts.fast.maps import maps_of
from baselines.parts.layers import StackedLinear, lrelu
from baselines.parts.nets.stacked_convolution import StackedConv2d
from harness.contracts import BenchError, Settings

LAYERS = 3


class StridedParams(Settings):
    """The parameters of a strided net.

    width: the channels of the first of three 4x4 convolutions with stride 2; the others have twice as many.
    hidden: the units of the layer that follows.
    """

    kind: Literal["strided"]
    width: int = Field(16, ge=1)
    hidden: int = Field(128, ge=1)


class StridedBody(nn.Module):
    """A critic's body: x [S, B, C, H, W] -> features [S, B, hidden], before their activation.

    Raises BenchError unless height and width are multiples of 8.
    """

    def __init__(self, n_seeds: int, shape: tuple[int, ...], params: StridedParams):
        super().__init__()
        channels, height, width = shape
        if height % 2**LAYERS or width % 2**LAYERS:
            raise BenchError(f"pictures must have a multiple of {2**LAYERS} pixels a side, got {height}x{width}")
        self.n_seeds, self.features = n_seeds, (params.hidden,)
        sizes = [channels, params.width, 2 * params.width, 2 * params.width]
        self.layers = nn.ModuleList(StackedConv2d(n_seeds, a, b, 4, 2, 1) for a, b in pairwise(sizes))
        n_in = sizes[-1] * (height // 2**LAYERS) * (width // 2**LAYERS)
        self.last = StackedLinear(n_seeds, n_in, params.hidden)

    def forward(self, x: Tensor) -> Tensor:
        maps = maps_of(x)
        for layer in self.layers:
            assert isinstance(layer, StackedConv2d)
            maps = layer.maps(maps).each(lrelu)
        return self.last(maps.stack().flatten(2))

    def before_code(self, h: Tensor) -> Tensor:
        return lrelu(h)

    def code_layer(self, size: int, bound: float | None = None) -> nn.Module:
        """Return a layer from features [S, B, hidden] to a code [S, B, size].

        bound: the bound of its initial weights.
        """
        return StackedLinear(self.n_seeds, *self.features, size, bound=bound)
