"""The discriminator of GAIL (Ho and Ermon 2016) and, with the bottleneck, of VAIL (Peng et al. 2019, section 4)."""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.parts.adversarial.adversary import Adversary, AdversaryParams
from baselines.parts.control.transitions import Transitions
from baselines.parts.nets.optim import SeedOptimizer
from baselines.parts.nets.perceptron import MLPBody, MLPParams
from harness.contracts import Draws, TaskSpec


class GAILParams(AdversaryParams):
    """input: what it sees: s, the state (VAIL in Peng et al. 2019); sa, state and action (their maze code); ss, state
        and next state; none, only a constant, so that what is learnt comes from the form of the reward alone, for a
        row of control (Kostrikov et al. 2019).
    policy_reward: what the policy gets, at the mean code: log_d, log D <= 0, which favours ending (their maze code);
        softplus, -log(1 - D) >= 0, which favours surviving (their paper); logit, the sum of the former and the latter.
    last_next: see `AIRLParams`; it matters for the input ss alone.
    """

    kind: Literal["gail"]
    net: MLPParams
    loss: Literal["minimax"] = "minimax"
    ce_scale: Literal["sum", "mean"] = "mean"
    input: Literal["s", "sa", "ss", "none"] = "sa"
    policy_reward: Literal["log_d", "softplus", "logit"] = "log_d"
    last_next: Literal["zeros", "observed"] = "observed"


class GAILDiscriminator(nn.Module):
    """It is called as AIRL's discriminator is, but log pi has no part in it."""

    needs_log_pi = False

    def __init__(self, n_seeds: int, spec: TaskSpec, params: GAILParams):
        super().__init__()
        self.params = params
        n, n_actions = math.prod(spec.shape), spec.action_size or spec.n_actions
        size = {"s": n, "sa": n + n_actions, "ss": 2 * n, "none": 1}[params.input]
        self.adversary = Adversary(n_seeds, MLPBody(n_seeds, (size,), params.net), params)

    @property
    def optimizer(self) -> SeedOptimizer:
        """The critic's."""
        return self.adversary.optimizer

    def update(
        self, expert: Transitions, policy: Transitions, log_pi: tuple[Tensor, Tensor] | None, draws: Draws, tag: str
    ) -> dict[str, Tensor]:
        """Make one step on B rows of each side, then the dual step; returns logs [S]."""
        return self.adversary.update(self._input(expert), self._input(policy), draws, tag)

    @torch.no_grad()
    def reward(self, rows: Transitions, log_pi: Tensor | None = None) -> Tensor:
        """What the policy gets for each row, [S, N], at the mean code."""
        critic = self.adversary.critic
        logit = critic.score(critic.encode(self._input(rows), None, "").z)
        if self.params.policy_reward == "log_d":
            return -F.softplus(-logit)
        return F.softplus(logit) if self.params.policy_reward == "softplus" else logit

    def _input(self, rows: Transitions) -> Tensor:
        if self.params.input == "none":
            return torch.ones_like(rows.observations[..., :1])
        parts = {"s": (), "sa": (rows.actions,), "ss": (rows.next_observations,)}[self.params.input]
        return torch.cat([rows.observations, *parts], -1)
