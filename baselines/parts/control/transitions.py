"""Transitions as rows [S, N, ...], as a discriminator sees them, from rollouts [S, T, E, ...]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from harness.contracts import Environments, Rollout


class Transitions(NamedTuple):
    """observations, next_observations [S, N, O]; actions [S, N, A]; terminated [S, N] bool.

    log_pi: [S, N], the log-probability of the action under the policy that acted, where the method keeps it; else
        zeros.
    """

    observations: Tensor
    actions: Tensor
    next_observations: Tensor
    terminated: Tensor
    log_pi: Tensor

    def rows(self, index: Tensor) -> Transitions:
        """The rows `index` [S, B] of each seed; rows with a single seed, the expert's, serve all seeds."""
        one = len(self.observations) == 1
        return Transitions(*(part[0][index] if one else take(part, index) for part in self))

    def map_observations(self, see: Callable[[Tensor], Tensor]) -> Transitions:
        """The same rows with `see` applied to both observations."""
        return self._replace(observations=see(self.observations), next_observations=see(self.next_observations))

    def concat(self, other: Transitions) -> Transitions:
        """These rows followed by the `other` ones."""
        return Transitions(*(torch.cat(pair, 1) for pair in zip(self, other)))


def transitions(rollout: Rollout, last_next: Literal["observed", "zeros"] = "observed") -> Transitions:
    """The rows [S, E * T, ...] of a rollout; the T steps of an environment follow each other.

    last_next: observed, or zeros for all zeros in place of an episode's last next observation, as the maze code that
        Peng et al. (2019) released pads it. In the mazes that is the position of a real place, (0, 0).
    """
    following = rollout.next_observations
    if last_next == "zeros":
        last = (rollout.terminated | rollout.truncated).unsqueeze(-1)
        following = torch.where(last, torch.zeros_like(following), following)
    log_pi = torch.zeros_like(rollout.rewards)
    parts = (rollout.observations, rollout.actions, following, rollout.terminated, log_pi)
    return Transitions(*(part.transpose(1, 2).flatten(1, 2) for part in parts))


def with_actions(source: Environments) -> Rollout:
    """The demonstrations, or where these are recorded motions the episodes of a policy that follows them."""
    tracking = getattr(source, "tracking_episodes", None)
    return source.demonstrations() if tracking is None else tracking()


def take(x: Tensor, index: Tensor) -> Tensor:
    """Take from x [S, B, ...] the rows index [S, b] of each seed: [S, b, ...]."""
    return x[torch.arange(len(x), device=x.device).unsqueeze(1), index]


def as_steps(values: Tensor, rollout: Rollout) -> Tensor:
    """Put values [S, E * T] of the rows of `transitions(rollout)` back into the rollout's order [S, T, E]."""
    _, steps, envs = rollout.rewards.shape
    return values.unflatten(1, (envs, steps)).transpose(1, 2)
