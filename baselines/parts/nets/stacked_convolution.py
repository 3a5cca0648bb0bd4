"""A convolution layer for a stack of seeds. Only nets for images import it."""

from __future__ import annotations

from torch import Tensor

from baselines.parts.fast.maps import Maps, maps_of
from baselines.parts.layers import Affine


class StackedConv2d(Affine):
    """A convolution for each seed, x [S, B, C, H, W] -> [S, B, out, H', W']; the weight is [S, out, in, k, k].

    Inside a net, layers exchange `Maps` through the method `maps`.
    """

    def __init__(
        self,
        n_seeds: int,
        n_in: int,
        n_out: int,
        kernel: int,
        stride: int = 1,
        padding: int = 0,
        bias: bool = True,
        bound: float | None = None,
    ):
        super().__init__(n_seeds, (n_out, n_in, kernel, kernel), n_in * kernel * kernel, n_out, bias, bound)
        self.stride, self.padding = stride, padding

    def forward(self, x: Tensor) -> Tensor:
        return self.maps(maps_of(x)).stack()

    def maps(self, x: Maps, scale: float = 1.0) -> Maps:
        """Return `scale` times the convolution of x; the few weights are scaled, not the images."""
        weight = self.effective_weight()
        bias: Tensor | None = self.bias
        if scale != 1.0:
            weight, bias = scale * weight, None if bias is None else scale * bias
        return x.convolve(weight, bias, self.stride, self.padding)
