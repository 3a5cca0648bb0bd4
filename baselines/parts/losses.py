"""GAN losses on critic scores, unreduced. A high score means real.

Each loss gives one value per sample [S, B] for the critic and for the generator. Relativistic
losses compare pairs by index (RSGAN) or with the other side's batch mean (Ra...). A "Turing
test" loss is an ordinary loss on D(e_r - e_f) and D(e_f - e_r), the scores of code differences.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

softplus, relu = F.softplus, F.relu
PairLoss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Loss:
    """critic(r, f), generator(r, f): scores [S, B] of real and fake -> [S, B], to be minimised.

    on_differences: r and f are the scores of e_r - e_f and e_f - e_r instead.
    needs_real: the generator's loss depends on r, so its step draws a fresh real batch.
    """

    critic: PairLoss
    generator: PairLoss
    needs_real: bool = False
    on_differences: bool = False


def _mean(x: Tensor) -> Tensor:
    return x.mean(1, keepdim=True)


def _logistic(r: Tensor, f: Tensor) -> Tensor:
    """-log D(r) - log(1 - D(f)) from logits (Goodfellow et al. 2014)."""
    return softplus(-r) + softplus(f)


def _rsgan(r: Tensor, f: Tensor) -> Tensor:
    """-log sigmoid(r - f), pairs by index (Jolicoeur-Martineau 2019)."""
    return softplus(f - r)


def _rasgan(r: Tensor, f: Tensor) -> Tensor:
    """The relativistic average (Jolicoeur-Martineau 2019), with the factor 1/2 of its code."""
    return 0.5 * (softplus(-(r - _mean(f))) + softplus(f - _mean(r)))


def _ralsgan(r: Tensor, f: Tensor) -> Tensor:
    return 0.5 * ((r - _mean(f) - 1).square() + (f - _mean(r) + 1).square())


def _wasserstein(r: Tensor, f: Tensor) -> Tensor:
    """Minus the Wasserstein estimate (Arjovsky et al. 2017): the critic raises D(real) - D(fake)."""
    return f - r


def _swapped(loss: PairLoss) -> PairLoss:
    return lambda r, f: loss(f, r)


LOSSES: dict[str, Loss] = {
    "minimax": Loss(_logistic, lambda r, f: -softplus(f)),
    "non_saturating": Loss(_logistic, lambda r, f: softplus(-f)),
    "hinge": Loss(lambda r, f: relu(1 - r) + relu(1 + f), lambda r, f: -f),
    "least_squares": Loss(lambda r, f: 0.5 * ((r - 1).square() + f.square()), lambda r, f: (f - 1).square()),
    "wasserstein": Loss(_wasserstein, lambda r, f: -f),
    "rsgan": Loss(_rsgan, _swapped(_rsgan), needs_real=True),
    "rasgan": Loss(_rasgan, _swapped(_rasgan), needs_real=True),
    "ralsgan": Loss(_ralsgan, _swapped(_ralsgan), needs_real=True),
    "t_sgan": Loss(_logistic, _swapped(_logistic), needs_real=True, on_differences=True),
    "t_wgan": Loss(_wasserstein, _swapped(_wasserstein), needs_real=True, on_differences=True),
}
