"""A policy learnt from the task's own reward: the expert, and the ceiling of all imitation."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from baselines.parts.acting import Acting
from baselines.parts.layers import initialise
from baselines.parts.learner import Learner, LearnerParams
from harness.contracts import Draws, Environments, Method, Rollout, Settings, TaskSpec

FAMILIES = ("maze", "tabular")


class Params(Settings):
    """demonstrations: the last so many updates' rollouts are left for imitation, 0 for none (released: 5)."""

    algorithm: Literal["true_reward"]
    learner: Annotated[LearnerParams, Field(discriminator="kind")]
    demonstrations: int = Field(0, ge=0)


class TrueReward(Method):
    def __init__(self, params: Params, spec: TaskSpec, draws: Draws, device: torch.device):
        super().__init__()
        self.register_buffer("alive", torch.ones(draws.n_seeds, dtype=torch.bool))
        self.learner = Learner(draws.n_seeds, spec, params.learner)
        self.kept = min(params.demonstrations, spec.steps)
        if self.kept:
            episodes = (draws.n_seeds, spec.horizon, self.kept, params.learner.n_envs)
            sizes = {"observations": spec.shape[0], "actions": spec.action_size or spec.n_actions}
            for name, size in (sizes | {"next_observations": spec.shape[0]}).items():
                self.register_buffer(f"last_{name}", torch.zeros(*episodes, size))
        initialise(self, draws)
        self.to(device)
        self.learner.prepare(self.alive)

    def update(self, source: Environments, draws: Draws) -> dict[str, Tensor]:
        rollout = self.learner.rollout(source, draws)
        if self.kept:
            self._keep(rollout, draws.step % self.kept)
        logs = self.learner.improve(rollout, rollout.rewards, draws)
        return logs | {"true_return": logs["return"]}

    def _keep(self, rollout: Rollout, place: int) -> None:
        for name in ("observations", "actions", "next_observations"):
            getattr(self, f"last_{name}")[:, :, place] = getattr(rollout, name)

    def artefacts(self) -> dict[str, dict[str, Tensor]]:
        """What the policy went through in the last updates, as it drew its actions: [S, T, E, ...]."""
        if not self.kept:
            return {}
        names = ("observations", "actions", "next_observations")
        return {"demonstrations": {name: getattr(self, f"last_{name}").flatten(2, 3) for name in names}}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return self.learner.optimizers()

    def outputs(self) -> Acting:
        return Acting(self.learner.policy)


def build(params: Params, spec: TaskSpec, draws: Draws, device: torch.device) -> TrueReward:
    return TrueReward(params, spec, draws, device)
