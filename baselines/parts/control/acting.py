"""What a control method returns to be scored: a policy, and a reward if one is learnt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from harness.contracts import Draws

Reward = Callable[[Tensor, Tensor], Tensor]


class Acting:
    """The outputs of a control method.

    policy: a policy of `control.policy`, or any object with its `noise` and `act`.
    learnt_reward: a function (observations [S, B, O], actions [S, B, A]) -> [S, B], or None.
    see: converts the environment's observations into the inputs of policy and reward.
    """

    def __init__(self, policy: Any, learnt_reward: Reward | None = None, see: Callable[[Tensor], Tensor] = lambda x: x):
        self.policy, self.see = policy, see
        if learnt_reward is not None:
            self.reward = torch.no_grad()(lambda observations, actions: learnt_reward(see(observations), actions))

    def noise(self, draws: Draws, shape: Sequence[int], name: str, stream: str = "eval") -> Tensor:
        """Return the noise [S, *shape, A] from which the policy samples actions."""
        return self.policy.noise(draws, shape, name, stream)

    @torch.no_grad()
    def act(self, observations: Tensor, noise: Tensor | None = None) -> Tensor:
        """Return actions [S, E, A] for observations [S, E, O]; without noise, return the mode of the policy."""
        return self.policy.act(self.see(observations), noise)

    @torch.no_grad()
    def log_policy(self, observations: Tensor) -> Tensor:
        """Return log-probabilities [S, B, A] of a policy over a discrete set, for observations [S, B, O]."""
        return self.policy.distribution(self.see(observations))[0]
