"""Train a policy on the task's own reward: the expert, and the upper limit of all imitation."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from baselines.parts.control.acting import Acting
from baselines.parts.control.learner import Learner, LearnerParams, check_source
from harness.contracts import Draws, Environments, Method, Rollout, Settings, TaskSpec

FAMILIES = ("locomotion", "maze", "mocap", "tabular")


class Params(Settings):
    """The parameters of the expert.

    demonstrations: how many of the last updates leave their rollouts as demonstrations, or 0 for none. The maze code
        that Peng et al. (2019) released uses 5.
    expert: whose rollouts become demonstrations. `first` is the first seed. `best` is the seed of the first block whose
        stored episodes have the highest mean return, where an episode that ended early counts as 0.
    """

    algorithm: Literal["true_reward"]
    learner: Annotated[LearnerParams, Field(discriminator="kind")]
    demonstrations: int = Field(0, ge=0)
    expert: Literal["first", "best"] = "first"

    @model_validator(mode="after")
    def _check_normaliser(self) -> Params:
        return check_source(self)


class TrueReward(Method[Environments]):
    def __init__(self, params: Params, spec: TaskSpec, draws: Draws, device: torch.device):
        super().__init__(draws.n_seeds)
        self.params = params
        self.learner = Learner(draws.n_seeds, spec, params.learner)
        self.kept = min(params.demonstrations, spec.steps)
        if self.kept:
            self.demonstrations = Demonstrations((draws.n_seeds, self.kept), params.learner.n_envs, spec)
        self.ready(draws, device)

    def update(self, source: Environments, draws: Draws) -> dict[str, Tensor]:
        rollout = self.learner.rollout(source, draws)
        if self.kept:
            self.demonstrations.keep(rollout, draws.step % self.kept)
        return self.learner.improve(rollout, rollout.rewards, draws)

    def artefacts(self) -> dict[str, dict[str, Tensor]]:
        """Return the rollouts of the last updates, with actions as the policy drew them, and the place in the block."""
        if not self.kept:
            return {}
        left = self.demonstrations.arrays() | {"place": torch.arange(len(self.alive))}
        if self.params.expert == "best":
            best = self.demonstrations.mean_return().argmax()
            left = {name: part[best : best + 1] for name, part in left.items()}
        return {"demonstrations": left}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return self.learner.optimizers()

    def outputs(self) -> Acting:
        return self.learner.outputs()


class Demonstrations(nn.Module):
    """Buffers [S, kept, ...] for the rollouts of several updates in E environments.

    places: (S, kept).
    """

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    last_observations: Tensor
    whole: Tensor

    def __init__(self, places: tuple[int, int], n_envs: int, spec: TaskSpec):
        super().__init__()
        steps, ends = (*places, spec.horizon, n_envs), (*places, n_envs)
        self.register_buffer("observations", torch.zeros(*steps, spec.shape[0]))
        self.register_buffer("actions", torch.zeros(*steps, spec.action_size or spec.n_actions))
        self.register_buffer("rewards", torch.zeros(*steps))
        self.register_buffer("last_observations", torch.zeros(*ends, spec.shape[0]))
        self.register_buffer("whole", torch.zeros(*ends, dtype=torch.bool))

    def keep(self, rollout: Rollout, place: int) -> None:
        """Store a rollout at place 0..kept-1."""
        self.observations[:, place] = rollout.observations
        self.actions[:, place] = rollout.actions
        self.rewards[:, place] = rollout.rewards
        self.last_observations[:, place] = rollout.next_observations[:, -1]
        self.whole[:, place] = ~rollout.terminated.any(1)

    def mean_return(self) -> Tensor:
        """Return the mean return [S]; an episode that ended early counts as 0, a reward that is not finite as -inf."""
        mean = torch.where(self.whole, self.rewards.sum(2), 0.0).mean((1, 2))
        return torch.where(torch.isfinite(mean), mean, -torch.inf)

    def arrays(self) -> dict[str, Tensor]:
        """Return what is stored for each step, [S, T, kept * E, ...], and for each episode, [S, kept * E, ...].

        `harness.tasks.demonstrations` reads these arrays.
        """
        return {
            name: part.flatten(1, 2) if name in ("last_observations", "whole") else part.transpose(1, 2).flatten(2, 3)
            for name, part in self.named_buffers()
        }


def build(params: Params, spec: TaskSpec, draws: Draws, device: torch.device) -> TrueReward:
    return TrueReward(params, spec, draws, device)
