"""Layers with the seeds as the leading axis; one seed is a stack of one.

`harness.contracts.initialise` sets their initial values. Two tensors start equal exactly if seed, path, shape and bound
agree. A layer's bound is 1 / sqrt(fan_in) unless another one is given, so weights of the same path and shape start
equal unless a bound is set explicitly. A bias has the same shape whatever the fan-in: after codes of different sizes,
`head.bias` is the same draw on a different interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.contracts import Fill

Activation = Callable[[Tensor], Tensor]


class Affine(nn.Module):
    """A weight [S, *weight] and a bias [S, out], both initially uniform on +-bound.

    bound: None means 1 / sqrt(fan_in), as in torch's own layers.
    """

    def __init__(self, n_seeds: int, weight: tuple[int, ...], fan_in: int, out: int, bias: bool, bound: float | None):
        super().__init__()
        self.bound = 1.0 / math.sqrt(fan_in) if bound is None else bound
        self.weight = nn.Parameter(torch.zeros(n_seeds, *weight))
        self.bias = nn.Parameter(torch.zeros(n_seeds, out)) if bias else None
        self.n_out = out
        # Set by parts.adversarial.spectral: from the weight, its largest singular value [S], which divides it.
        self.spectral: Callable[[Tensor], Tensor] | None = None

    def fill(self, fill: Fill) -> None:
        """Set the initial values, see `harness.contracts.initialise`."""
        for name, parameter in self.named_parameters(recurse=False):
            parameter.data.copy_(fill(name, parameter.shape[1:], self.bound))

    def effective_weight(self) -> Tensor:
        """Return the weight [S, ...] that is applied; under spectral normalisation it is divided by its largest
        singular value.
        """
        if self.spectral is None:
            return self.weight
        sigma = self.spectral(self.weight)
        return self.weight / sigma.view(-1, *[1] * (self.weight.dim() - 1))


class StackedLinear(Affine):
    """A linear layer for each seed, x [S, B, in] -> [S, B, out]; the weight is [S, out, in], as in torch.

    In memory the weight is [S, in, out]. The product that gives its gradient then has the order of the weight, and
    nothing is copied; for wide layers the copy would take as long as the product.
    """

    def __init__(self, n_seeds: int, n_in: int, n_out: int, bias: bool = True, bound: float | None = None):
        super().__init__(n_seeds, (n_out, n_in), n_in, n_out, bias, bound)
        self.weight = nn.Parameter(torch.zeros(n_seeds, n_in, n_out).mT)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.effective_weight().mT
        return torch.bmm(x, weight) if self.bias is None else torch.baddbmm(self.bias.unsqueeze(1), x, weight)


def full(x: Tensor) -> Tensor:
    """Return x as float32 if products left it in bfloat16, which is too coarse for sums, losses and a KL near I_c."""
    return x.float() if x.dtype is torch.bfloat16 else x


SLOPE = 0.2


def lrelu(x: Tensor) -> Tensor:
    """Return LeakyReLU with slope 0.2, as in the image nets that Peng et al. (2019) released."""
    return F.leaky_relu(x, SLOPE)


class MLP(nn.Module):
    """`depth` hidden layers of `width` units, x [S, B, ...] -> [S, B, n_out]; the axes after B are flattened.

    n_out: None omits the output layer. The result is then the last hidden layer [S, B, width] before its activation,
        for a head that activates it.
    """

    def __init__(
        self, n_seeds: int, n_in: int, width: int, depth: int, n_out: int | None, activation: Activation = lrelu
    ):
        super().__init__()
        sizes = [n_in] + [width] * depth
        self.hidden = nn.ModuleList(StackedLinear(n_seeds, a, b) for a, b in pairwise(sizes))
        self.out = None if n_out is None else StackedLinear(n_seeds, sizes[-1], n_out)
        self.activation = activation

    @property
    def layers(self) -> list[StackedLinear]:
        """The hidden layers in order, then the output layer if there is one."""
        return cast("list[StackedLinear]", [*self.hidden, *([] if self.out is None else [self.out])])

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(2)
        for i, layer in enumerate(self.hidden):
            x = layer(x if i == 0 else self.activation(x))
        return x if self.out is None else self.out(self.activation(x))
