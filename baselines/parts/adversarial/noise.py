"""Instance noise on a critic's input (Sonderby et al. 2017), or on its code as Peng et al. (2019) released it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor

from harness.contracts import Draws, Settings
from harness.maths.arrays import step_on


class NoiseParams(Settings):
    """std: the noise's standard deviation at the start.

    anneal_steps: it falls linearly to 0 until that step of the run; None keeps it as it is.
    """

    where: Literal["input", "code"]
    std: float = Field(1.0, ge=0)
    anneal_steps: int | None = Field(None, ge=1)

    def std_at(self, step: int | Tensor) -> float | Tensor:
        """The standard deviation at a step of the run, counted from 0."""
        if self.anneal_steps is None:
            return self.std
        left = 1.0 - step / self.anneal_steps
        return self.std * (left.clamp_min(0.0) if isinstance(left, Tensor) else max(0.0, left))


def add_noise(x: Tensor, params: NoiseParams, draws: Draws, tag: str) -> Tensor:
    """Add noise to x [S, B, ...], its own for each sample; `tag` tells the draws of one step apart."""
    return x + params.std_at(step_on(draws.step, x)) * draws.normal("noise", tag, x.shape[1:])
