"""Transitions as rows, what a discriminator of imitation sees: [S, N, ...] from rollouts [S, T, E, ...]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from harness.contracts import Rollout


class Transitions(NamedTuple):
    """observations, next_observations [S, N, O]; actions [S, N, A]; terminated [S, N] bool.

    log_pi: [S, N] under the policy that acted, where the method keeps it; zeros elsewhere.
    """

    observations: Tensor
    actions: Tensor
    next_observations: Tensor
    terminated: Tensor
    log_pi: Tensor

    def rows(self, index: Tensor) -> Transitions:
        """Rows index [S, B] of each seed. One stack of rows (the expert's) serves all seeds."""
        one = len(self.observations) == 1
        return Transitions(*(part[0][index] if one else take(part, index) for part in self))

    def seen(self, see: Callable[[Tensor], Tensor]) -> Transitions:
        """With both observations as `see` turns them."""
        return self._replace(observations=see(self.observations), next_observations=see(self.next_observations))

    def then(self, other: Transitions) -> Transitions:
        return Transitions(*(torch.cat(pair, 1) for pair in zip(self, other)))


def transitions(rollout: Rollout, last_next: Literal["observed", "zeros"] = "observed") -> Transitions:
    """Rows of a rollout, the T steps of one environment in a row.

    last_next zeros: an episode's last next observation is all zeros, as the released maze code pads it
    (in the mazes that stands for a real place, (0, 0)).
    """
    following = rollout.next_observations
    if last_next == "zeros":
        last = (rollout.terminated | rollout.truncated).unsqueeze(-1)
        following = torch.where(last, torch.zeros_like(following), following)
    log_pi = torch.zeros_like(rollout.rewards)
    parts = (rollout.observations, rollout.actions, following, rollout.terminated, log_pi)
    return Transitions(*(part.transpose(1, 2).flatten(1, 2) for part in parts))


def take(x: Tensor, index: Tensor) -> Tensor:
    """x [S, B, ...] at index [S, b] -> [S, b, ...]."""
    return x[torch.arange(len(x), device=x.device).unsqueeze(1), index]


def as_steps(values: Tensor, rollout: Rollout) -> Tensor:
    """Values [S, T * E] of `transitions(rollout)` -> [S, T, E]."""
    _, steps, envs = rollout.rewards.shape
    return values.unflatten(1, (envs, steps)).transpose(1, 2)
