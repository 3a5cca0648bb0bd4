"""The KL divergence of diagonal Gaussians from the standard normal, and samples of them."""

from __future__ import annotations

import torch
from torch import Tensor


def kl_to_standard_normal(mean: Tensor, log_std: Tensor) -> Tensor:
    """Return KL[N(mean, exp(log_std)^2) || N(0, 1)] of each coordinate in nats, in the shape of `mean`.

    This is 1/2 (mu^2 + sigma^2 - 1 - ln sigma^2), to be summed over the code (Peng et al. 2019, section 4).
    """
    return 0.5 * (mean.square() + torch.expm1(2.0 * log_std)) - log_std


def reparameterise(mean: Tensor, log_std: Tensor, noise: Tensor) -> Tensor:
    """Return z = mu + sigma * eps, a sample through which gradients reach the encoder (Kingma and Welling 2014)."""
    return mean + log_std.exp() * noise
