"""The variational bottleneck: a Gaussian code, its KL to N(0, I), and beta by dual gradient ascent.

The same module serves the discriminators of GANs, GAIL and AIRL (Peng et al. 2019, section 4) and the supervised
bottleneck (Alemi et al. 2017). Where the released code differs from the paper, both are options, and the defaults are
those of the released image code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from baselines.parts.layers import full
from harness.contracts import Settings
from harness.maths.gaussian import kl_to_standard_normal, reparameterise


class BottleneckParams(Settings):
    """The parameters of a bottleneck.

    size: the dimension K of the code, at each position if the code is a map.
    i_c: the bound I_c on the mean KL in nats, per sample or per position depending on `kl_reduce`.
    beta: the initial multiplier, which is constant if dual_step is None.
    dual_step: alpha_beta in Peng et al. (2019), Eq. 9: beta <- max(0, beta + alpha_beta (KL - I_c)) after each critic
        step.
    kl_reduce: whether a sample's KL is the sum or the mean over its positions.
    generator_z: whether the generator's loss uses a sample of the code (released code) or its mean (paper).
    sigma: the standard deviation as exp(rho), or as softplus(rho - 5) (Alemi et al. 2017).
    noise: false fixes the code at its mean; with beta 0 that is the plain network.
    init_bound: the initial weights of mu and rho are uniform on +- this bound; None means 1 / sqrt(fan_in).
    """

    size: int = Field(256, ge=1)
    i_c: float | None = Field(None, ge=0)
    beta: float = Field(0.1, ge=0)
    dual_step: float | None = Field(None, gt=0)
    kl_reduce: Literal["per_sample", "per_position"] = "per_position"
    generator_z: Literal["mean", "sample"] = "sample"
    sigma: Literal["log_std", "softplus"] = "log_std"
    noise: bool = True
    init_bound: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _check_dual_step(self) -> BottleneckParams:
        if (self.dual_step is None) != (self.i_c is None):
            raise ValueError("i_c and dual_step go together: give both for an adaptive beta, neither for a fixed one")
        return self


CodeLayer = Callable[..., nn.Module]  # (size, bound=None) -> a layer from features to so many code dimensions


class Code(NamedTuple):
    """A code with its KL.

    z: [S, B, K] or [S, B, K, H, W].
    mean: in the shape of z.
    kl: [S, B] in nats, reduced as `kl_reduce` says, or None without a bottleneck.
    """

    z: Tensor
    mean: Tensor
    kl: Tensor | None


class PlainCode(nn.Module):
    """A deterministic code of the same size, without noise and without KL.

    layer: the body's `code_layer`.
    """

    def __init__(self, layer: CodeLayer, size: int):
        super().__init__()
        self.mu = layer(size)

    def forward(self, h: Tensor, noise: Tensor | None = None) -> Code:
        mean = self.mu(h)
        return Code(mean, mean, None)


class Bottleneck(nn.Module):
    """The encoder E(z|x) = N(mu(x), sigma(x)^2), with the multiplier beta [S] as a buffer.

    layer: the body's `code_layer`.
    """

    beta: Tensor

    def __init__(self, n_seeds: int, layer: CodeLayer, params: BottleneckParams):
        super().__init__()
        self.params = params
        self.mu = layer(params.size, bound=params.init_bound)
        self.rho = layer(params.size, bound=params.init_bound)
        self.register_buffer("beta", torch.full((n_seeds,), params.beta))

    def forward(self, h: Tensor, noise: Tensor | None = None) -> Code:
        """Encode features h [S, B, ...].

        noise: standard normal noise in the shape of the code, or None for z = mu.
        """
        mean, log_std = self.gaussian(h)
        return Code(self.sample(mean, log_std, noise), mean, self.reduce(kl_to_standard_normal(mean, log_std)))

    def gaussian(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and the log standard deviation of the code of features h [S, B, ...]."""
        mean, log_std = full(self.mu(h)), full(self.rho(h))
        return mean, F.softplus(log_std - 5.0).log() if self.params.sigma == "softplus" else log_std

    def sample(self, mean: Tensor, log_std: Tensor, noise: Tensor | None) -> Tensor:
        """Return a code z that is sampled with standard normal noise, or the mean without noise."""
        return mean if noise is None or not self.params.noise else reparameterise(mean, log_std, noise)

    def reduce(self, kl: Tensor) -> Tensor:
        """Sum the KL [S, B, K, ...] of each coordinate over the code, then sum or average it over positions: [S, B]."""
        per_position = kl.flatten(3).sum(2) if kl.dim() > 3 else kl.sum(2, keepdim=True)
        return per_position.mean(2) if self.params.kl_reduce == "per_position" else per_position.sum(2)

    @torch.no_grad()
    def dual_step(self, kl: Tensor, alive: Tensor) -> None:
        """Set beta <- max(0, beta + alpha_beta (KL - I_c)) for the seeds that are `alive` [S] (Peng et al. 2019, Eq.
        9).

        Does nothing if `dual_step` is None.

        kl: [S], the mean over half real and half fake samples.
        """
        if self.params.dual_step is not None and self.params.i_c is not None:  # they go together
            moved = (self.beta + self.params.dual_step * (kl - self.params.i_c)).clamp_min(0.0)
            self.beta.copy_(torch.where(alive, moved, self.beta))
