"""Proximal policy optimisation with a clipped ratio (Schulman et al. 2017)."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from baselines.parts.baseline import minibatches
from baselines.parts.optim import OptimizerParams, SeedOptimizer
from baselines.parts.policy import CategoricalPolicy, Distribution, GaussianPolicy
from baselines.parts.written_out import known, surrogate
from harness.contracts import Draws, Settings
from harness.maths.returns import normalise


class PPOParams(Settings):
    """kl_stop: when a seed sits out the rest of an update, for a mean KL above kl_limit.

    none: never; last_minibatch: that of the epoch's last minibatch alone, as in much public code;
    batch: that of the whole batch, after each epoch.
    minibatch_advantages: as they are given, or standardised anew over each minibatch, as in much public code.
    """

    clip: float = Field(0.2, gt=0)
    epochs: int = Field(10, ge=1)
    minibatches: int = Field(8, ge=1)
    kl_stop: Literal["none", "last_minibatch", "batch"] = "none"
    kl_limit: float = Field(0.02, gt=0)
    minibatch_advantages: Literal["as_given", "standardised"] = "as_given"
    optimizer: OptimizerParams = OptimizerParams(lr=3e-4)


class PPO:
    """A seed that is not finite leaves `alive` [S]; one stopped by its KL only waits for the next update."""

    def __init__(self, policy: GaussianPolicy | CategoricalPolicy, params: PPOParams, alive: Tensor):
        self.policy, self.params, self.alive = policy, params, alive
        self.moving = alive.clone()  # within an update: alive and not stopped
        self.optimizer = SeedOptimizer(policy.parameters(), params.optimizer, self.moving)

    def update(
        self,
        distribution: Distribution,
        observations: Tensor,
        actions: Tensor,
        advantages: Tensor,
        bonus: float,
        draws: Draws,
    ) -> dict[str, Tensor]:
        """Epochs of minibatches over observations [S, B, O], actions [S, B, A], advantages [S, B]; logs [S].

        distribution: the policy's at the observations. bonus: weight of its entropy in the objective.
        """
        params, policy = self.params, self.policy
        old = tuple(t.detach() for t in distribution)
        old_log_prob = policy.log_density(old, actions)
        self.moving.copy_(self.alive)
        stopped, norms = torch.zeros_like(self.alive), []
        written_out = isinstance(policy, GaussianPolicy) and known(policy.net)
        rows = observations, actions, old_log_prob, advantages, *old
        for k, (o, a, log_prob, gains, *before) in enumerate(
            minibatches(draws, "policy", rows, params.epochs, params.minibatches)
        ):
            if params.minibatch_advantages == "standardised":
                gains = normalise(gains, "standardised")
            if written_out:
                norms.append(
                    self.optimizer.follow(surrogate(policy, o, a, log_prob, gains, params.clip, bonus), draws.step)
                )
            else:
                new = policy.distribution(o)
                gain = clipped_surrogate(policy.log_density(new, a) - log_prob, gains, params.clip).mean(1)
                norms.append(self.optimizer.step(-gain - bonus * policy.entropy(new).mean(1), draws.step))
            if params.kl_stop != "none" and (k + 1) % params.minibatches == 0:
                if params.kl_stop == "batch":
                    o, before = observations, old
                stopped |= self.moving & (self._kl(o, before) > params.kl_limit)
                self.moving.logical_and_(~stopped)
        self.alive.logical_and_(self.moving | stopped)
        with torch.no_grad():
            new = policy.distribution(observations)
            gain = (((policy.log_density(new, actions) - old_log_prob).exp() - 1) * advantages).mean(1)
            kl = policy.kl(old, new).mean(1)
        return {"kl_policy": kl, "improvement": gain, "grad_policy": torch.stack(norms).mean(0)}

    @torch.no_grad()
    def _kl(self, observations: Tensor, old: Distribution) -> Tensor:
        """Mean KL from the policy before the update, [S]."""
        return self.policy.kl(old, self.policy.distribution(observations)).mean(1)


def clipped_surrogate(log_ratio: Tensor, advantages: Tensor, clip: float) -> Tensor:
    """min(r A, clip(r, 1 +- clip) A), r = pi / pi_old, [S, B]."""
    ratio = log_ratio.exp()
    return torch.minimum(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages)
