"""Instance noise (Sonderby et al. 2017) on the input, or on the code as in the released VDB code."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from harness.contracts import Draws, Settings


class NoiseParams(Settings):
    """std: of the Gaussian at the start; anneal_steps: falls linearly to 0 by that step, null keeps it."""

    where: Literal["input", "code"]
    std: float = Field(1.0, ge=0)
    anneal_steps: int | None = Field(None, ge=1)

    def std_at(self, step: int | Tensor) -> float | Tensor:
        if self.anneal_steps is None:
            return self.std
        left = 1.0 - step / self.anneal_steps
        return self.std * (left.clamp_min(0.0) if torch.is_tensor(left) else max(0.0, left))


def add_noise(x: Tensor, params: NoiseParams, draws: Draws, tag: str) -> Tensor:
    """x [S, B, ...] plus noise of its own per sample, in critic and generator steps alike."""
    return x + params.std_at(draws.step) * draws.normal("noise", tag, x.shape[1:])
