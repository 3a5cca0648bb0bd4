"""Instance noise on a critic's input (Sonderby et al. 2017), or on its code as in the code of Peng et al. (2019)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor

from harness.contracts import Draws, Settings
from harness.maths.arrays import step_on


class NoiseParams(Settings):
    """The parameters of instance noise.

    std: the initial standard deviation of the noise.
    anneal_steps: the step of the run at which the standard deviation reaches 0 linearly; None keeps it constant.
    """

    where: Literal["input", "code"]
    std: float = Field(1.0, ge=0)
    anneal_steps: int | None = Field(None, ge=1)

    def std_at(self, step: int | Tensor) -> float | Tensor:
        """Return the standard deviation at a step of the run, counted from 0."""
        if self.anneal_steps is None:
            return self.std
        left = 1.0 - step / self.anneal_steps
        return self.std * (left.clamp_min(0.0) if isinstance(left, Tensor) else max(0.0, left))


def add_noise(x: Tensor, params: NoiseParams, draws: Draws, tag: str) -> Tensor:
    """Add independent noise to each sample of x [S, B, ...]; `tag` distinguishes the draws of one step."""
    return x + params.std_at(step_on(draws.step, x)) * draws.normal("noise", tag, x.shape[1:])
