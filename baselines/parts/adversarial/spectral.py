"""Spectral normalisation (Miyato et al. 2018, Algorithm 1): one power iteration per critic step, for each seed."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.parts.layers import Affine
from harness.contracts import Fill


class SpectralNorm(nn.Module):
    """Estimate the largest singular value of a weight [S, out, ...], viewed as a matrix W [S, out, in].

    u [S, out] and v [S, in] are buffers, so they are saved. They change only in `advance`, so neither an evaluation nor
    a generator step affects them.
    """

    u: Tensor
    v: Tensor

    def __init__(self, weight: Tensor):
        super().__init__()
        matrix = weight.flatten(2)
        self.register_buffer("u", torch.zeros(matrix.shape[:2]))
        self.register_buffer("v", torch.zeros(matrix.shape[0], matrix.shape[2]))

    def fill(self, fill: Fill) -> None:
        """Set u and v. The first step sets v from u, so v matters only if a critic is scored before that."""
        self.u.copy_(F.normalize(fill("u", self.u.shape[1:], 1.0), dim=1))
        self.v.copy_(F.normalize(fill("v", self.v.shape[1:], 1.0), dim=1))

    @torch.no_grad()
    def advance(self, weight: Tensor, alive: Tensor) -> None:
        """Make one power iteration for the seeds that are `alive` [S]; the others keep their vectors."""
        matrix, alive = weight.flatten(2), alive.unsqueeze(1)
        v = F.normalize(torch.einsum("soi,so->si", matrix, self.u), dim=1)
        u = F.normalize(torch.einsum("soi,si->so", matrix, v), dim=1)
        self.v.copy_(torch.where(alive, v, self.v))
        self.u.copy_(torch.where(alive, u, self.u))

    def forward(self, weight: Tensor) -> Tensor:
        """Return sigma [S] = u^T W v. The vectors u and v are constants, and the gradient flows through W.

        They are cloned, because a later `advance` would change them in a graph that is yet to be differentiated twice.
        """
        return torch.einsum("so,soi,si->s", self.u.clone(), weight.flatten(2), self.v.clone())


def add_spectral_norm(module: nn.Module) -> None:
    """Add a spectral norm to every stacked layer below `module`."""
    for layer in list(module.modules()):
        if isinstance(layer, Affine):
            layer.spectral = SpectralNorm(layer.weight)


def advance_spectral_norm(module: nn.Module, alive: Tensor) -> None:
    """Make one power iteration in every layer with a spectral norm, for the seeds that are `alive` [S]."""
    for layer in module.modules():
        if isinstance(layer, Affine) and isinstance(layer.spectral, SpectralNorm):
            layer.spectral.advance(layer.weight, alive)
