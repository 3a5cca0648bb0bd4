"""A net held as it stands, for many small calls: without what its modules cost at each call."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from baselines.parts.fast.switch import plain
from baselines.parts.layers import MLP


def applies(net: object) -> bool:
    """Whether `net` can be held, and the plain path is not asked for."""
    return isinstance(net, MLP) and not plain()


def held(net: MLP) -> Callable[[Tensor], Tensor]:
    """The function x [S, B, in] -> [S, B, out] that `net` is until its weights move."""
    layers = [*net.hidden, *([] if net.out is None else [net.out])]
    (bias, weight), *rest = [(layer.bias.unsqueeze(1), layer.effective_weight().mT) for layer in layers]

    def function(x: Tensor) -> Tensor:
        x = torch.baddbmm(bias, x, weight)
        for b, w in rest:
            x = torch.baddbmm(b, net.activation(x), w)
        return x

    return function
