"""Behavioural cloning: maximise the likelihood of the expert's actions (Pomerleau 1991)."""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from baselines.parts.control.acting import Acting
from baselines.parts.control.normaliser import ScaleParams, normaliser
from baselines.parts.control.policy import PolicyParams, policy
from baselines.parts.control.transitions import with_actions
from baselines.parts.nets.optim import OptimizerParams, SeedOptimizer
from harness.contracts import Draws, Environments, Method, Settings, TaskSpec

FAMILIES = ("locomotion", "maze", "mocap", "tabular")


class Params(Settings):
    """The parameters of behavioural cloning.

    normaliser: scales observations by the mean and standard deviation of the demonstrations; None disables it.
    steps_per_update: the optimiser's steps in one step of the run, so that all rows of a table share one axis.
    """

    algorithm: Literal["cloning"]
    policy: PolicyParams = PolicyParams()
    normaliser: ScaleParams | None = None
    batch: int = Field(256, ge=1)
    steps_per_update: int = Field(50, ge=1)
    optimizer: OptimizerParams


class Cloning(Method[Environments]):
    def __init__(self, params: Params, spec: TaskSpec, draws: Draws, device: torch.device):
        super().__init__(draws.n_seeds)
        self.params = params
        self.policy = policy(draws.n_seeds, spec, params.policy)
        self.see = normaliser(draws.n_seeds, math.prod(spec.shape), params.normaliser, spec.phase)
        self.ready(draws, device)
        self.optimizer = SeedOptimizer(self.policy.parameters(), params.optimizer, self.alive)

    def update(self, source: Environments, draws: Draws) -> dict[str, Tensor]:
        expert, shape = with_actions(source), (self.params.steps_per_update, self.params.batch)
        observations, actions = (part.flatten(1, 2)[0] for part in (expert.observations, expert.actions))
        rows = draws.integers("expert", "rows", shape, len(actions))
        if draws.step == 0:
            self.see.absorb(observations.unsqueeze(0), self.alive)
        total = torch.zeros(len(self.alive), device=rows.device)
        for k in range(self.params.steps_per_update):
            loss = -self.policy.log_prob(self.see(observations[rows[:, k]]), actions[rows[:, k]]).mean(1)
            grad = self.optimizer.step(loss, draws.step)
            total += loss.detach()
        return {"loss": total / self.params.steps_per_update, "grad": grad}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"policy": self.optimizer.optimizer}

    def outputs(self) -> Acting:
        return Acting(self.policy, see=self.see)


def build(params: Params, spec: TaskSpec, draws: Draws, device: torch.device) -> Cloning:
    return Cloning(params, spec, draws, device)
