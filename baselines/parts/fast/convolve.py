"""A convolution whose second derivative costs no more than ordinary convolutions do.

torch derives the second derivative of a convolution by general rules. They lead to memory layouts for which its kernels
are slow, such as the gradient of a weight as a convolution with a kernel as large as the image. A convolution has three
linear maps: the output, the gradient of the input and the gradient of the weight. Here each is written as the
derivative of the others, so that a gradient penalty calls only the kernels that training calls. The plain path is
torch's own `conv2d`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

from baselines.parts.fast.switch import plain


class Geometry(NamedTuple):
    stride: int
    padding: int
    groups: int


def convolve(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: int = 1, padding: int = 0, groups: int = 1
) -> Tensor:
    """Convolve x [B, C, H, W] with weight [out, C / groups, k, k] and bias [out]; returns [B, out, H', W'].

    The operands are bfloat16 under autocast.
    """
    if plain():
        return F.conv2d(x, weight, bias, stride, padding, 1, groups)
    if torch.is_autocast_enabled(x.device.type):
        lower = torch.get_autocast_dtype(x.device.type)
        x, weight, bias = x.to(lower), weight.to(lower), None if bias is None else bias.to(lower)
    return _Convolve.apply(x, weight, bias, Geometry(stride, padding, groups))


def _channels_last(x: Tensor) -> Tensor:
    """Return x in the layout that is fastest on both devices: by 1.2 to 25 times on two CPU cores."""
    return x.contiguous(memory_format=torch.channels_last)


def _output(x: Tensor, weight: Tensor, bias: Tensor | None, g: Geometry) -> Tensor:
    return F.conv2d(_channels_last(x), _channels_last(weight), bias, g.stride, g.padding, 1, g.groups)


def _gradients(
    dy: Tensor, x: Tensor, weight: Tensor, g: Geometry, wanted: tuple[bool, bool, bool]
) -> tuple[Tensor | None, ...]:
    """Return the gradients of input, weight and bias, with None for those that are not wanted."""
    dy, x, weight = _channels_last(dy), _channels_last(x), _channels_last(weight)
    stride, padding, dilation = [g.stride] * 2, [g.padding] * 2, [1, 1]
    convolution_backward = torch.ops.aten.convolution_backward
    return convolution_backward(
        dy, x, weight, weight.shape[:1], stride, padding, dilation, False, [0, 0], g.groups, wanted
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
    """dx = w^T dy, which is linear in dy and in w; only the shape of x matters."""

    @staticmethod
    def forward(ctx: Any, dy: Tensor, weight: Tensor, x: Tensor, g: Geometry) -> Tensor:
        ctx.g = g
        ctx.save_for_backward(dy, weight)
        dx, _, _ = _gradients(dy, x, weight, g, (True, False, False))
        assert dx is not None
        return dx

    @staticmethod
    def backward(ctx: Any, ddx: Tensor) -> tuple:
        """Differentiate with ddx in place of x: <ddx, w^T dy> = <w * ddx, dy>."""
        dy, weight = ctx.saved_tensors
        ddy = _Convolve.apply(ddx, weight, None, ctx.g) if ctx.needs_input_grad[0] else None
        dw = _WeightGradient.apply(dy, ddx, weight, ctx.g) if ctx.needs_input_grad[1] else None
        return ddy, dw, None, None


class _WeightGradient(Function):
    """dw = sum over samples of dy x, which is linear in dy and in x; only the shape of the weight matters."""

    @staticmethod
    def forward(ctx: Any, dy: Tensor, x: Tensor, weight: Tensor, g: Geometry) -> Tensor:
        ctx.g = g
        ctx.save_for_backward(dy, x)
        _, dw, _ = _gradients(dy, x, weight, g, (False, True, False))
        assert dw is not None
        return dw

    @staticmethod
    def backward(ctx: Any, ddw: Tensor) -> tuple:
        """Differentiate with ddw in place of the weight."""
        dy, x = ctx.saved_tensors
        ddy = _Convolve.apply(x, ddw, None, ctx.g) if ctx.needs_input_grad[0] else None
        dx = _InputGradient.apply(dy, ddw, x, ctx.g) if ctx.needs_input_grad[1] else None
        return ddy, dx, None, None
