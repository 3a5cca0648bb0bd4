"""A policy that never learns, which is the floor of a table: mean zero with a fixed spread, or uniform over actions."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from baselines.parts.control.acting import Acting
from baselines.parts.control.policy import PolicyParams, policy
from harness.contracts import Draws, Environments, Method, Settings, TaskSpec

FAMILIES = ("locomotion", "maze", "mocap", "tabular")


class Params(Settings):
    algorithm: Literal["random_policy"]
    policy: PolicyParams = PolicyParams()


class Random(Method[Environments]):
    """A policy whose nets are never initialised, so they stay zero: its mean is zero or its probabilities are equal."""

    def __init__(self, params: Params, spec: TaskSpec, draws: Draws, device: torch.device):
        super().__init__(draws.n_seeds)
        self.policy = policy(draws.n_seeds, spec, params.policy)
        self.n_observations = spec.shape[0]
        self.to(device)

    def update(self, source: Environments, draws: Draws) -> dict[str, Tensor]:
        anywhere = torch.zeros(len(self.alive), 1, self.n_observations, device=self.alive.device)
        distribution = tuple(part.detach() for part in self.policy.distribution(anywhere))
        for part in distribution:
            self.alive.logical_and_(torch.isfinite(part).flatten(1).all(1))
        return {"entropy": self.policy.entropy(distribution).mean(1)}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {}

    def outputs(self) -> Acting:
        return Acting(self.policy)


def build(params: Params, spec: TaskSpec, draws: Draws, device: torch.device) -> Random:
    return Random(params, spec, draws, device)
