"""A net whose weights depend on the phase of a cycle (Holden et al. 2017), as in discriminators of Peng et al. (2019).

There are SETS sets of weights on a circle. At each phase the two nearest sets are blended, linearly as in Peng et al.;
Holden et al. blend four by a cubic spline.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

from baselines.parts.layers import Affine, StackedLinear
from baselines.parts.nets.perceptron import ACTIVATIONS, MLPParams
from harness.contracts import BenchError

SETS = 5


class PhasedLinear(Affine):
    """A linear layer for each seed and each set: x [S, B, in] and the sets' shares [S, B, K] -> [S, B, out].

    It is computed as one product, in which each input is repeated for every set and multiplied by that set's share.
    """

    def __init__(self, n_seeds: int, n_in: int, n_out: int):
        super().__init__(n_seeds, (n_out, SETS * n_in), n_in, SETS * n_out, True, None)

    def forward(self, x: Tensor, shares: Tensor) -> Tensor:
        wide = (shares.unsqueeze(3) * x.unsqueeze(2)).flatten(2)
        assert self.bias is not None
        own = torch.bmm(shares, self.bias.unflatten(1, (SETS, -1)))
        return torch.baddbmm(own, wide, self.effective_weight().transpose(1, 2))


class PhasedBody(nn.Module):
    """A critic's body: x [S, B, n_in] -> features [S, B, width], the last hidden layer before its activation.

    Raises BenchError if the task has no phase of two numbers.

    phase: the last two numbers of x are the cosine and the sine of the phase. They select the weights and are not
        inputs.
    """

    def __init__(self, n_seeds: int, n_in: int, phase: int, params: MLPParams):
        super().__init__()
        if phase != 2:
            raise BenchError(
                "phase: functioned requires a task whose states end with the cosine and sine of a phase; use input"
            )
        self.n_seeds, self.features = n_seeds, (params.width,)
        self.activation: Callable[[Tensor], Tensor] = ACTIVATIONS[params.activation]
        sizes = [n_in - phase] + [params.width] * params.depth
        self.layers = nn.ModuleList(PhasedLinear(n_seeds, a, b) for a, b in pairwise(sizes))

    def forward(self, x: Tensor) -> Tensor:
        h, weights = x[..., :-2], shares(x[..., -2], x[..., -1])
        for k, layer in enumerate(self.layers):
            h = layer(h if k == 0 else self.activation(h), weights)
        return h

    def before_code(self, h: Tensor) -> Tensor:
        """Activate features h, because a linear code of linear features would be one linear layer."""
        return self.activation(h)

    def code_layer(self, size: int, bound: float | None = None) -> nn.Module:
        """Return a layer from features [S, B, width] to a code [S, B, size].

        bound: the bound of its initial weights.
        """
        return StackedLinear(self.n_seeds, *self.features, size, bound=bound)


def shares(cosine: Tensor, sine: Tensor) -> Tensor:
    """Return the share [..., K] of each set: 1 at its own place on the circle, 0 at its neighbours'. They sum to 1."""
    turn = torch.atan2(sine, cosine) / (2 * math.pi) * SETS
    away = (turn.unsqueeze(-1) - torch.arange(SETS, device=turn.device)).remainder(SETS)
    return (1 - torch.minimum(away, SETS - away)).clamp_min(0)
