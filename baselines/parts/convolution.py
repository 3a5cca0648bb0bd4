"""Convolution that is differentiable twice at the price of plain convolutions.

torch derives a convolution's second derivative by general rules that meet layouts its kernels are slow at (a weight
gradient as a convolution with a kernel as large as the image). Here the three linear maps of a convolution, output,
gradient of the input and gradient of the weight, are written as each other's derivatives, so a gradient penalty calls
only the kernels that training calls.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function


class Geometry(NamedTuple):
    stride: int
    padding: int
    groups: int


def convolve(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: int = 1, padding: int = 0, groups: int = 1
) -> Tensor:
    """x [B, C, H, W], weight [out, C / groups, k, k], bias [out] -> [B, out, H', W']; in bfloat16 under autocast."""
    if torch.is_autocast_enabled(x.device.type):
        lower = torch.get_autocast_dtype(x.device.type)
        x, weight, bias = x.to(lower), weight.to(lower), None if bias is None else bias.to(lower)
    return _Convolve.apply(x, weight, bias, Geometry(stride, padding, groups))


def _channels_last(x: Tensor) -> Tensor:
    """The layout that the kernels of both devices are fastest at (on two CPU cores 1.2 to 25 times, by the shape)."""
    return x.contiguous(memory_format=torch.channels_last)


def _output(x: Tensor, weight: Tensor, bias: Tensor | None, g: Geometry) -> Tensor:
    return F.conv2d(_channels_last(x), _channels_last(weight), bias, g.stride, g.padding, 1, g.groups)


def _gradients(
    dy: Tensor, x: Tensor, weight: Tensor, g: Geometry, wanted: tuple[bool, bool, bool]
) -> tuple[Tensor | None, ...]:
    """Of the input, of the weight and of the bias, those that are wanted."""
    return torch.ops.aten.convolution_backward(
        _channels_last(dy),
        _channels_last(x),
        _channels_last(weight),
        weight.shape[:1],
        [g.stride] * 2,
        [g.padding] * 2,
        [1, 1],
        False,
        [0, 0],
        g.groups,
        wanted,
    )


class _Convolve(Function):
    """y = w * x + b."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, g: Geometry) -> Tensor:
        ctx.g = g
        ctx.save_for_backward(x, weight)
        return _output(x, weight, bias, g)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple:
        x, weight = ctx.saved_tensors
        wanted = ctx.needs_input_grad[:3]
        if not torch.is_grad_enabled():  # differentiated for the last time: all in one call
            return *_gradients(dy, x, weight, ctx.g, wanted), None
        dx = _InputGradient.apply(dy, weight, x, ctx.g) if wanted[0] else None
        dw = _WeightGradient.apply(dy, x, weight, ctx.g) if wanted[1] else None
        return dx, dw, dy.sum((0, 2, 3)) if wanted[2] else None, None


class _InputGradient(Function):
    """dx = w^T dy, linear in dy and in w; of x only the shape counts."""

    @staticmethod
    def forward(ctx: Any, dy: Tensor, weight: Tensor, x: Tensor, g: Geometry) -> Tensor:
        ctx.g = g
        ctx.save_for_backward(dy, weight)
        return _gradients(dy, x, weight, g, (True, False, False))[0]

    @staticmethod
    def backward(ctx: Any, ddx: Tensor) -> tuple:
        """ddx stands where x stood: <ddx, w^T dy> = <w * ddx, dy>."""
        dy, weight = ctx.saved_tensors
        ddy = _Convolve.apply(ddx, weight, None, ctx.g) if ctx.needs_input_grad[0] else None
        dw = _WeightGradient.apply(dy, ddx, weight, ctx.g) if ctx.needs_input_grad[1] else None
        return ddy, dw, None, None


class _WeightGradient(Function):
    """dw = sum over samples of dy x, linear in dy and in x; of the weight only the shape counts."""

    @staticmethod
    def forward(ctx: Any, dy: Tensor, x: Tensor, weight: Tensor, g: Geometry) -> Tensor:
        ctx.g = g
        ctx.save_for_backward(dy, x)
        return _gradients(dy, x, weight, g, (False, True, False))[1]

    @staticmethod
    def backward(ctx: Any, ddw: Tensor) -> tuple:
        """ddw stands where the weight stood."""
        dy, x = ctx.saved_tensors
        ddy = _Convolve.apply(x, ddw, None, ctx.g) if ctx.needs_input_grad[0] else None
        dx = _InputGradient.apply(dy, ddw, x, ctx.g) if ctx.needs_input_grad[1] else None
        return ddy, dx, None, None
