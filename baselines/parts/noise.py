"""Instance noise (Sonderby et al. 2017) on the input, or on the code as in the released VDB code."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor

from harness.contracts import Draws, Settings


class NoiseParams(Settings):
    """std: of the Gaussian at the start; anneal_steps: falls linearly to 0 by that step, null keeps it."""

    where: Literal["input", "code"]
    std: float = Field(1.0, ge=0)
    anneal_steps: int | None = Field(None, ge=1)

    def std_at(self, step: int) -> float:
        return self.std if self.anneal_steps is None else self.std * max(0.0, 1.0 - step / self.anneal_steps)


def add_noise(x: Tensor, params: NoiseParams, draws: Draws, tag: str) -> Tensor:
    """x [S, B, ...] plus noise of its own per sample, in critic and generator steps alike."""
    return x + params.std_at(draws.step) * draws.normal("noise", tag, x.shape[1:])
