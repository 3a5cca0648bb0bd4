"""The discriminator of GAIL (Ho and Ermon 2016) and, with the bottleneck, of VAIL (Peng et al. 2019, section 4)."""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import model_validator
from torch import Tensor, nn

from baselines.parts.adversarial.adversary import Adversary, AdversaryParams
from baselines.parts.control.transitions import Transitions
from baselines.parts.nets.optim import SeedOptimizer
from baselines.parts.nets.perceptron import MLPBody, MLPParams
from baselines.parts.nets.phased import PhasedBody
from harness.contracts import Draws, TaskSpec


class GAILParams(AdversaryParams):
    """The parameters of GAIL's discriminator.

    input: what the discriminator sees. `s` is the state (VAIL in Peng et al. 2019), `sa` is state and action (their
        maze code), and `ss` is state and next state. `next` is the next state, whose reward is zero if it ends the
        episode, as in DeepMimic (Peng et al. 2018). `none` is a constant, so that learning depends on the form of the
        reward only, for a control row (Kostrikov et al. 2019).
    phase: how the discriminator uses the coordinates of a state that encode the time within a cycle, if the task has
        any. They are inputs (input), they are hidden (none), or they select the weights (functioned, see `PhasedBody`).
    policy_reward: the policy's reward at the mean code. `log_d` is log D <= 0, which favours ending the episode (their
        maze code). `softplus` is -log(1 - D) >= 0, which favours surviving (their paper). `logit` is the sum of the
        two. `square` is max(0, 1 - (D - 1)^2) of a least-squares critic with targets 1 and 0. That equals the reward of
        AMP (Peng et al. 2021, Eq. 7), whose D has targets 1 and -1 and is 2 D - 1 here; the weight w of its penalty is
        r1's w / 2.
    last_next: see `AIRLParams`; it matters for the input ss only.
    """

    kind: Literal["gail"]
    net: MLPParams
    loss: Literal["minimax", "least_squares"] = "minimax"
    ce_scale: Literal["sum", "mean"] = "mean"
    input: Literal["s", "sa", "ss", "next", "none"] = "sa"
    phase: Literal["input", "none", "functioned"] = "input"
    policy_reward: Literal["log_d", "softplus", "logit", "square"] = "log_d"
    last_next: Literal["zeros", "observed"] = "observed"

    @model_validator(mode="after")
    def _check_combination(self) -> GAILParams:
        if (self.loss == "least_squares") != (self.policy_reward == "square"):
            raise ValueError("policy_reward: square requires loss: least_squares, and the others require minimax")
        if self.phase == "functioned" and self.input not in ("s", "next", "none"):
            raise ValueError(
                "phase: functioned requires the input s or next, where one state's phase selects the weights"
            )
        return self


class GAILDiscriminator(nn.Module):
    """A discriminator with the interface of AIRL's, which does not use log pi."""

    needs_log_pi = False

    def __init__(self, n_seeds: int, spec: TaskSpec, params: GAILParams):
        super().__init__()
        self.params = params
        n, n_actions = math.prod(spec.shape), spec.action_size or spec.n_actions
        self.seen = n - (spec.phase if params.phase == "none" else 0)  # of a state's coordinates, the first ones
        n = self.seen
        size = {"s": n, "sa": n + n_actions, "ss": 2 * n, "next": n, "none": 1}[params.input]
        body: MLPBody | PhasedBody
        if params.phase == "functioned" and params.input != "none":
            body = PhasedBody(n_seeds, size, spec.phase, params.net)
        else:
            body = MLPBody(n_seeds, (size,), params.net)
        self.adversary = Adversary(n_seeds, body, params)

    @property
    def optimizer(self) -> SeedOptimizer:
        """The critic's optimiser."""
        return self.adversary.optimizer

    def update(
        self, expert: Transitions, policy: Transitions, log_pi: tuple[Tensor, Tensor] | None, draws: Draws, tag: str
    ) -> dict[str, Tensor]:
        """Make one step on B rows of each side, then the dual step. Returns logs [S]."""
        return self.adversary.update(self._input(expert), self._input(policy), draws, tag)

    @torch.no_grad()
    def reward(self, rows: Transitions, log_pi: Tensor | None = None) -> Tensor:
        """Return the policy's reward for each row, [S, N], at the mean code."""
        critic = self.adversary.critic
        logit = critic.score(critic.encode(self._input(rows), None, "").z)
        paid = REWARDS[self.params.policy_reward](logit)
        return torch.where(rows.terminated, 0.0, paid) if self.params.input == "next" else paid

    def _input(self, rows: Transitions) -> Tensor:
        if self.params.input == "none":
            return torch.ones_like(rows.observations[..., :1])
        here, after = rows.observations[..., : self.seen], rows.next_observations[..., : self.seen]
        parts = {"s": (here,), "sa": (here, rows.actions), "ss": (here, after), "next": (after,)}[self.params.input]
        return torch.cat(parts, -1)


REWARDS = {
    "log_d": lambda score: -F.softplus(-score),
    "softplus": F.softplus,
    "logit": lambda score: score,
    "square": lambda score: (1.0 - (score - 1.0).square()).clamp_min(0.0),
}
