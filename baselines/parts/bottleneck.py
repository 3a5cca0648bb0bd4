"""The variational bottleneck: a Gaussian code, its KL to N(0, I), and beta by dual ascent.

One module for the discriminators of GANs, GAIL and AIRL and for the supervised bottleneck
(Peng et al. 2019, section 4; Alemi et al. 2017). Where paper and released code differ, both
readings are options; the defaults are those of the released image code.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from baselines.parts.layers import StackedLinear, full
from baselines.parts.stacked_convolution import StackedConv2d
from harness.contracts import Settings
from harness.maths.gaussian import kl_to_standard_normal, reparameterise


class BottleneckParams(Settings):
    """i_c: bound on the mean KL, in nats, of one sample or of one position as `kl_reduce` says.

    beta: the multiplier's first value, or its value for good when dual_step is null.
    dual_step: alpha in beta <- max(0, beta + alpha (KL - I_c)), after each critic step.
    generator_z: whether the generator meets a sample of the code (released code) or its mean (paper).
    sigma: exp(logstd), or softplus(rho - 5) as in Alemi et al.
    noise: false freezes the code at its mean; with beta 0 that is the plain network.
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
    def _a_target_for_the_dual_step(self) -> BottleneckParams:
        if (self.dual_step is None) != (self.i_c is None):
            raise ValueError("i_c and dual_step go together: give both for an adaptive beta, neither for a fixed one")
        return self


class Code(NamedTuple):
    """z, mean: [S, B, K] or [S, B, K, H, W]; kl: [S, B] nats as reduced, or None without a bottleneck."""

    z: Tensor
    mean: Tensor
    kl: Tensor | None


def code_layer(n_seeds: int, features: tuple[int, ...], size: int, bound: float | None = None) -> nn.Module:
    """Linear for flat features (F,), a 1x1 convolution for a map (C, H, W)."""
    if len(features) == 1:
        return StackedLinear(n_seeds, features[0], size, bound=bound)
    return StackedConv2d(n_seeds, features[0], size, 1, bound=bound)


class PlainCode(nn.Module):
    """A deterministic code of the same size: the bottleneck's twin without noise and KL."""

    def __init__(self, n_seeds: int, features: tuple[int, ...], size: int):
        super().__init__()
        self.mu = code_layer(n_seeds, features, size)

    def forward(self, h: Tensor, noise: Tensor | None = None) -> Code:
        mean = self.mu(h)
        return Code(mean, mean, None)


class Bottleneck(nn.Module):
    """E(z|x) = N(mu(x), sigma(x)^2) with the multiplier beta [S] as a buffer."""

    def __init__(self, n_seeds: int, features: tuple[int, ...], params: BottleneckParams):
        super().__init__()
        self.params = params
        self.mu = code_layer(n_seeds, features, params.size, params.init_bound)
        self.rho = code_layer(n_seeds, features, params.size, params.init_bound)
        self.register_buffer("beta", torch.full((n_seeds,), params.beta))

    def forward(self, h: Tensor, noise: Tensor | None = None) -> Code:
        """Encode features h [S, B, ...]; noise: standard normal of the code's shape, or None for z = mu."""
        mean, log_std = full(self.mu(h)), full(self.rho(h))
        if self.params.sigma == "softplus":
            log_std = F.softplus(log_std - 5.0).log()
        z = mean if noise is None or not self.params.noise else reparameterise(mean, log_std, noise)
        return Code(z, mean, self.reduce(kl_to_standard_normal(mean, log_std)))

    def reduce(self, kl: Tensor) -> Tensor:
        """[S, B, K, ...] of one coordinate each -> [S, B]: summed over the code, and over positions or their mean."""
        per_position = kl.flatten(3).sum(2) if kl.dim() > 3 else kl.sum(2, keepdim=True)
        return per_position.mean(2) if self.params.kl_reduce == "per_position" else per_position.sum(2)

    @torch.no_grad()
    def dual_step(self, kl: Tensor, alive: Tensor) -> None:
        """beta <- max(0, beta + alpha (KL - I_c)), Peng et al. 2019, section 4. kl: [S] mean over real and fake."""
        if self.params.dual_step is not None:
            moved = (self.beta + self.params.dual_step * (kl - self.params.i_c)).clamp_min(0.0)
            self.beta.copy_(torch.where(alive, moved, self.beta))
