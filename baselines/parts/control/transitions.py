"""Convert rollouts [S, T, E, ...] to transitions as rows [S, N, ...], which a discriminator takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from harness.contracts import Environments, Rollout


class Transitions(NamedTuple):
    """Transitions as rows.

    observations, next_observations: [S, N, O].
    actions: [S, N, A].
    terminated: [S, N] bool.
    log_pi: [S, N], the log-probability of the action under the policy that acted if the method stores it, else zeros.
    """

    observations: Tensor
    actions: Tensor
    next_observations: Tensor
    terminated: Tensor
    log_pi: Tensor

    def rows(self, index: Tensor) -> Transitions:
        """Return the rows `index` [S, B] of each seed; rows with a single seed, such as the expert's, are shared by all
        seeds.
        """
        one = len(self.observations) == 1
        return Transitions(*(part[0][index] if one else take(part, index) for part in self))

    def map_observations(self, see: Callable[[Tensor], Tensor]) -> Transitions:
        """Return the same rows with `see` applied to both observations."""
        return self._replace(observations=see(self.observations), next_observations=see(self.next_observations))

    def concat(self, other: Transitions) -> Transitions:
        """Return these rows followed by the `other` ones."""
        return Transitions(*(torch.cat(pair, 1) for pair in zip(self, other)))


def transitions(rollout: Rollout, last_next: Literal["observed", "zeros"] = "observed") -> Transitions:
    """Return the rows [S, E * T, ...] of a rollout; the T steps of an environment are consecutive.

    last_next: whether the last next observation of an episode is the observed one or zeros, as in the released maze
        code of Peng et al. (2019). In the mazes, zeros are the position of a real place, (0, 0).
    """
    following = rollout.next_observations
    if last_next == "zeros":
        last = (rollout.terminated | rollout.truncated).unsqueeze(-1)
        following = torch.where(last, torch.zeros_like(following), following)
    log_pi = torch.zeros_like(rollout.rewards)
    parts = (rollout.observations, rollout.actions, following, rollout.terminated, log_pi)
    return Transitions(*(part.transpose(1, 2).flatten(1, 2) for part in parts))


def with_actions(source: Environments) -> Rollout:
    """Return demonstrations with actions; for recorded motions these are episodes of a policy that tracks them."""
    tracking = getattr(source, "tracking_episodes", None)
    return source.demonstrations() if tracking is None else tracking()


def take(x: Tensor, index: Tensor) -> Tensor:
    """Return the rows `index` [S, b] of each seed of x [S, B, ...]: [S, b, ...]."""
    return x[torch.arange(len(x), device=x.device).unsqueeze(1), index]


def as_steps(values: Tensor, rollout: Rollout) -> Tensor:
    """Put values [S, E * T] of the rows of `transitions(rollout)` back into the rollout's order [S, T, E]."""
    _, steps, envs = rollout.rewards.shape
    return values.unflatten(1, (envs, steps)).transpose(1, 2)
