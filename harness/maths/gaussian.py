"""Diagonal Gaussians against the standard normal."""

from __future__ import annotations

import torch
from torch import Tensor


def kl_to_standard_normal(mean: Tensor, log_std: Tensor) -> Tensor:
    """KL[N(mean, exp(log_std)^2) || N(0, 1)] of each coordinate, in nats; same shape as `mean`.

    1/2 (mu^2 + sigma^2 - 1 - ln sigma^2), Peng et al. 2019, section 4; sum it over the code.
    """
    return 0.5 * (mean.square() + torch.expm1(2.0 * log_std)) - log_std


def reparameterise(mean: Tensor, log_std: Tensor, noise: Tensor) -> Tensor:
    """z = mu + sigma * eps (Kingma and Welling 2014): a sample through which gradients reach the encoder."""
    return mean + log_std.exp() * noise
