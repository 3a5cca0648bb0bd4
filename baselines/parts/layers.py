"""Layers with the seeds as a leading axis; one seed is a stack of one.

Parameters are filled by `initialise`, which draws each from the stream "init" under the
parameter's own path: two methods whose paths and shapes agree start from the same weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.contracts import Draws

Fill = Callable[[str, tuple[int, ...], float], Tensor]


class Affine(nn.Module):
    """Weight [S, ...] and bias [S, out], uniform on +-1/sqrt(fan_in) like torch's own layers."""

    def __init__(self, n_seeds: int, weight: tuple[int, ...], fan_in: int, out: int, bias: bool, bound: float | None):
        super().__init__()
        self.bound = 1.0 / math.sqrt(fan_in) if bound is None else bound
        self.weight = nn.Parameter(torch.zeros(n_seeds, *weight))
        self.bias = nn.Parameter(torch.zeros(n_seeds, out)) if bias else None
        self.n_out = out
        # Set by parts.spectral: the largest singular value [S] that the weight is divided by.
        self.spectral: Callable[[Tensor], Tensor] | None = None

    def fill(self, fill: Fill) -> None:
        for name, parameter in self.named_parameters(recurse=False):
            parameter.data.copy_(fill(name, parameter.shape[1:], self.bound))

    def effective_weight(self) -> Tensor:
        if self.spectral is None:
            return self.weight
        sigma = self.spectral(self.weight)
        return self.weight / sigma.view(-1, *[1] * (self.weight.dim() - 1))


class StackedLinear(Affine):
    """x: [S, B, in] -> [S, B, out]. The weight is [S, out, in], as torch's."""

    def __init__(self, n_seeds: int, n_in: int, n_out: int, bias: bool = True, bound: float | None = None):
        super().__init__(n_seeds, (n_out, n_in), n_in, n_out, bias, bound)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.effective_weight().transpose(1, 2)
        return torch.bmm(x, weight) if self.bias is None else torch.baddbmm(self.bias.unsqueeze(1), x, weight)


def initialise(module: nn.Module, draws: Draws) -> None:
    """Fill whatever below `module` starts at random, each tensor from its own path."""
    for path, layer in module.named_modules():
        if hasattr(layer, "fill"):

            def fill(name: str, shape: tuple[int, ...], bound: float, path: str = path) -> Tensor:
                return (2.0 * draws.uniform("init", f"{path}.{name}", shape) - 1.0) * bound

            layer.fill(fill)


def full(x: Tensor) -> Tensor:
    """x, in float32 where products left it in a lower precision: sums, losses and a KL near I_c would be lost in that."""
    return x.float() if x.dtype is torch.bfloat16 else x


SLOPE = 0.2


def lrelu(x: Tensor) -> Tensor:
    """LeakyReLU with slope 0.2, as in the released image nets (PAPER: VGAN code)."""
    return F.leaky_relu(x, SLOPE)


class MLP(nn.Module):
    """`depth` hidden layers of `width` units. x: [S, B, ...] is flattened; returns [S, B, out]."""

    def __init__(self, n_seeds: int, n_in: int, width: int, depth: int, n_out: int | None, activation=lrelu):
        super().__init__()
        sizes = [n_in] + [width] * depth
        self.hidden = nn.ModuleList(StackedLinear(n_seeds, a, b) for a, b in zip(sizes, sizes[1:]))
        self.out = None if n_out is None else StackedLinear(n_seeds, sizes[-1], n_out)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """With n_out None: the last hidden layer before its activation, for a head that activates."""
        x = x.flatten(2)
        for i, layer in enumerate(self.hidden):
            x = layer(x if i == 0 else self.activation(x))
        return x if self.out is None else self.out(self.activation(x))

    def held(self) -> Callable[[Tensor], Tensor]:
        """The net as it stands, x [S, B, in] -> [S, B, out], for many small calls: without the modules' own cost."""
        layers = [*self.hidden, *([] if self.out is None else [self.out])]
        (bias, weight), *rest = [(layer.bias.unsqueeze(1), layer.effective_weight().mT) for layer in layers]

        def net(x: Tensor) -> Tensor:
            x = torch.baddbmm(bias, x, weight)
            for b, w in rest:
                x = torch.baddbmm(b, self.activation(x), w)
            return x

        return net
