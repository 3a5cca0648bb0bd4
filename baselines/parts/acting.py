"""What a method of control gives to be scored: a policy, and a reward where one is learnt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from harness.contracts import Draws


class Acting:
    """policy: of parts.policy, or anything with its `noise` and `act`.

    learnt_reward: (observations [S, B, O], actions [S, B, A]) -> [S, B].
    """

    def __init__(self, policy: Any, learnt_reward: Callable[[Tensor, Tensor], Tensor] | None = None):
        self.policy = policy
        if learnt_reward is not None:
            self.reward = torch.no_grad()(learnt_reward)

    def noise(self, draws: Draws, shape: Sequence[int], name: str, stream: str = "eval") -> Tensor:
        return self.policy.noise(draws, shape, name, stream)

    @torch.no_grad()
    def act(self, observations: Tensor, noise: Tensor | None = None) -> Tensor:
        """Actions [S, E, A]; without noise the policy's mode."""
        return self.policy.act(observations, noise)

    @torch.no_grad()
    def log_policy(self, observations: Tensor) -> Tensor:
        """[S, B, A] log-probabilities of a policy over a discrete set."""
        return self.policy.distribution(observations)[0]
