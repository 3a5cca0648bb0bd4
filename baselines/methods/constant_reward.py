"""Train a policy on the same reward in every step, which shows what the length of episodes alone reveals about a task.

It is a control for imitation where episodes may end early (Kostrikov et al. 2019): it uses neither expert nor state.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from baselines.parts.control.acting import Acting
from baselines.parts.control.learner import Learner, LearnerParams, check_source
from harness.contracts import Draws, Environments, Method, Settings, TaskSpec

FAMILIES = ("locomotion", "mocap")


class Params(Settings):
    """The parameters of the control.

    reward: the reward of every step.
    """

    algorithm: Literal["constant_reward"]
    learner: Annotated[LearnerParams, Field(discriminator="kind")]
    reward: float

    @model_validator(mode="after")
    def _check_normaliser(self) -> Params:
        return check_source(self)


class ConstantReward(Method[Environments]):
    def __init__(self, params: Params, spec: TaskSpec, draws: Draws, device: torch.device):
        super().__init__(draws.n_seeds)
        self.reward = params.reward
        self.learner = Learner(draws.n_seeds, spec, params.learner)
        self.ready(draws, device)

    def update(self, source: Environments, draws: Draws) -> dict[str, Tensor]:
        rollout = self.learner.rollout(source, draws)
        return self.learner.improve(rollout, torch.full_like(rollout.rewards, self.reward), draws)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return self.learner.optimizers()

    def outputs(self) -> Acting:
        return self.learner.outputs()


def build(params: Params, spec: TaskSpec, draws: Draws, device: torch.device) -> ConstantReward:
    return ConstantReward(params, spec, draws, device)
