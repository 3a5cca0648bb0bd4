"""GAN losses of a critic's scores, one value per sample; a high score means real.

Relativistic losses (Jolicoeur-Martineau 2019) compare pairs by their index (RSGAN), or a score with the mean of the
other side's batch (RaSGAN, RaLSGAN). A T-GAN uses an ordinary loss of D(e_r - e_f) and D(e_f - e_r), the scores of the
differences between a real and a fake code (Su 2018, arXiv 1810.10948).
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
    """What each player minimises: critic(r, f) and generator(r, f) map scores [S, B] of real and fake samples to [S,
    B].

    needs_real: whether the generator's loss depends on r, so that its step draws a fresh real batch.
    on_differences: whether r and f are the scores of e_r - e_f and e_f - e_r instead.
    middle: the score half-way between the loss's targets, which is as much real as fake.
    """

    critic: PairLoss
    generator: PairLoss
    needs_real: bool = False
    on_differences: bool = False
    middle: float = 0.0


def _mean(x: Tensor) -> Tensor:
    return x.mean(1, keepdim=True)


def _logistic(r: Tensor, f: Tensor) -> Tensor:
    """Return -log D(r) - log(1 - D(f)) from logits (Goodfellow et al. 2014, Eq. 1)."""
    return softplus(-r) + softplus(f)


def _rsgan(r: Tensor, f: Tensor) -> Tensor:
    """Return -log sigmoid(r - f), in pairs by index (Jolicoeur-Martineau 2019, RSGAN)."""
    return softplus(f - r)


def _rasgan(r: Tensor, f: Tensor) -> Tensor:
    """Return the relativistic average loss (Jolicoeur-Martineau 2019, RaSGAN), with the factor 1/2 of its released
    code.
    """
    return 0.5 * (softplus(-(r - _mean(f))) + softplus(f - _mean(r)))


def _ralsgan(r: Tensor, f: Tensor) -> Tensor:
    """Return the relativistic average least-squares loss (Jolicoeur-Martineau 2019, RaLSGAN), with that factor."""
    return 0.5 * ((r - _mean(f) - 1).square() + (f - _mean(r) + 1).square())


def _wasserstein(r: Tensor, f: Tensor) -> Tensor:
    """Return minus the estimate of the Wasserstein distance (Arjovsky et al. 2017); the critic raises D(real) -
    D(fake).
    """
    return f - r


def _swap_sides(loss: PairLoss) -> PairLoss:
    return lambda r, f: loss(f, r)


LOSSES: dict[str, Loss] = {
    "minimax": Loss(_logistic, lambda r, f: -softplus(f)),
    "non_saturating": Loss(_logistic, lambda r, f: softplus(-f)),
    "hinge": Loss(lambda r, f: relu(1 - r) + relu(1 + f), lambda r, f: -f),
    "least_squares": Loss(
        lambda r, f: 0.5 * ((r - 1).square() + f.square()), lambda r, f: (f - 1).square(), middle=0.5
    ),
    "wasserstein": Loss(_wasserstein, lambda r, f: -f),
    "rsgan": Loss(_rsgan, _swap_sides(_rsgan), needs_real=True),
    "rasgan": Loss(_rasgan, _swap_sides(_rasgan), needs_real=True),
    "ralsgan": Loss(_ralsgan, _swap_sides(_ralsgan), needs_real=True),
    "t_sgan": Loss(_logistic, _swap_sides(_logistic), needs_real=True, on_differences=True),
    "t_wgan": Loss(_wasserstein, _swap_sides(_wasserstein), needs_real=True, on_differences=True),
}
