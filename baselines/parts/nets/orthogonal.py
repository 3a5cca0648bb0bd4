"""Orthogonal initial weights (Saxe et al. 2014), as public implementations of PPO use them."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from baselines.parts.layers import MLP, StackedLinear
from harness.contracts import Fill

GAIN = 2.0**0.5  # of hidden layers


def use_orthogonal_init(net: MLP | StackedLinear, last: float) -> None:
    """Make `initialise` fill every weight of `net` with orthogonal rows, or with orthogonal columns if those are fewer.

    Their length is GAIN, and `last` in the last layer. Biases start at zero.
    """
    *hidden, out = net.layers if isinstance(net, MLP) else [net]
    for layer, gain in (*((layer, GAIN) for layer in hidden), (out, last)):
        layer.__dict__["fill"] = partial(_fill, layer, gain)  # in place of the method of this name


def _fill(layer: StackedLinear, gain: float, fill: Fill) -> None:
    uniform = fill("weight", layer.weight.shape[1:], 1.0).double()
    normal = torch.erfinv(uniform.clamp(-1 + 1e-9, 1 - 1e-9))  # up to a factor, which the decomposition takes out
    layer.weight.data.copy_(gain * _rotation(normal))
    assert layer.bias is not None
    layer.bias.data.zero_()


def _rotation(x: Tensor) -> Tensor:
    """Return uniformly distributed orthogonal matrices [S, out, in] from standard normal x [S, out, in].

    They are the Q of a QR decomposition, corrected by the signs of R's diagonal (Mezzadri 2007, section 5).
    """
    wide = x.shape[1] < x.shape[2]
    q, r = torch.linalg.qr(x.mT if wide else x)
    q = q * r.diagonal(dim1=1, dim2=2).sign().unsqueeze(1)
    return q.mT if wide else q
