"""Freeze a net for many small calls, which avoids the overhead of its modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeGuard

import torch
from torch import Tensor

from baselines.parts.fast.switch import plain
from baselines.parts.layers import MLP, StackedLinear


def applies(net: object) -> TypeGuard[MLP]:
    """Whether `net` can be frozen and the plain path was not requested."""
    return isinstance(net, MLP) and not plain()


def freeze(net: MLP) -> Callable[[Tensor], Tensor]:
    """Return the function x [S, B, in] -> [S, B, out] that `net` computes until its weights change."""
    (bias, weight), *rest = [(_bias(layer), layer.effective_weight().mT) for layer in net.layers]

    def function(x: Tensor) -> Tensor:
        x = torch.baddbmm(bias, x, weight)
        for b, w in rest:
            x = torch.baddbmm(b, net.activation(x), w)
        return x

    return function


def _bias(layer: StackedLinear) -> Tensor:
    assert layer.bias is not None
    return layer.bias.unsqueeze(1)
