"""Train a new policy on a reward that another cell learnt, as in transfer by inverse RL (Fu et al. 2018, section 7).

The reward is frozen. The true reward is logged and scored, but the policy does not learn from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from baselines.parts.adversarial.discriminators import DiscriminatorParams, discriminator, learnt_reward
from baselines.parts.control.acting import Acting, Reward
from baselines.parts.control.learner import Learner, LearnerParams
from baselines.parts.control.transitions import as_steps, transitions
from harness.contracts import BenchError, Draws, Environments, Method, Settings, TaskSpec

FAMILIES = ("maze", "tabular")


class Params(Settings):
    """The parameters of re-training.

    discriminator: the `discriminator` block of the cell whose reward is used, from which its nets are built again.
    """

    algorithm: Literal["retrain"]
    learner: Annotated[LearnerParams, Field(discriminator="kind")]
    discriminator: DiscriminatorParams

    @model_validator(mode="after")
    def _check_reward_inputs(self) -> Params:
        if getattr(self.discriminator, "input", None) == "ss":
            raise ValueError("discriminator.input: a policy cannot be re-trained on a reward of s and s'; use s or sa")
        if self.learner.normaliser is not None:
            raise ValueError(
                "learner.normaliser: must be null, as the learnt reward takes observations that are not normalised"
            )
        return self


class Retrain(Method[Environments]):
    def __init__(self, params: Params, spec: TaskSpec, draws: Draws, device: torch.device):
        super().__init__(draws.n_seeds)
        self.params, n = params, draws.n_seeds
        self.learner = Learner(n, spec, params.learner)
        self.discriminator = discriminator(n, spec, params.discriminator).requires_grad_(False)
        self.ready(draws, device)

    def receive(self, reward: Mapping[str, Tensor]) -> None:
        """Load a learnt reward, one for each seed of the block. Raises BenchError if its nets are different."""
        try:
            self.discriminator.load_state_dict(dict(reward))
        except RuntimeError as error:
            what = str(error).splitlines()[1].strip()
            raise BenchError(f"the learnt reward has other nets than this block's discriminator: {what}") from None

    def update(self, source: Environments, draws: Draws) -> dict[str, Tensor]:
        rollout = self.learner.rollout(source, draws)
        rows = transitions(rollout)
        rewards = as_steps(self._reward(rows.observations, rows.actions), rollout)
        return self.learner.improve(rollout, rewards, draws)

    @property
    def _reward(self) -> Reward:
        reward = learnt_reward(self.discriminator)
        assert reward is not None  # a reward of s and s' is refused by Params
        return torch.no_grad()(reward)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return self.learner.optimizers()

    def outputs(self) -> Acting:
        return self.learner.outputs(learnt_reward(self.discriminator))


def build(params: Params, spec: TaskSpec, draws: Draws, device: torch.device) -> Retrain:
    return Retrain(params, spec, draws, device)
