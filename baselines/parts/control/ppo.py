"""Proximal policy optimisation with a clipped ratio (Schulman et al. 2017, Eq. 7)."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from baselines.parts.control.policy import CategoricalPolicy, Distribution, GaussianPolicy
from baselines.parts.control.value import minibatches
from baselines.parts.fast import written_out
from baselines.parts.nets.optim import OptimizerParams, SeedOptimizer
from harness.contracts import Draws, Settings
from harness.maths.returns import normalise


class PPOParams(Settings):
    """The parameters of PPO.

    clip: the ratio of new and old probability is clipped to 1 +- clip.
    kl_stop: when a seed skips the rest of an update after an epoch. With `none` it never does. With `batch` it does if
        the mean KL over the whole batch exceeds kl_limit, and with `last_minibatch` if that over the epoch's last
        minibatch does, as in much public code.
    minibatch_advantages: whether advantages are used as given, or standardised again over each minibatch, as in much
        public code.
    """

    clip: float = Field(0.2, gt=0)
    epochs: int = Field(10, ge=1)
    minibatches: int = Field(8, ge=1)
    kl_stop: Literal["none", "last_minibatch", "batch"] = "none"
    kl_limit: float = Field(0.02, gt=0)
    minibatch_advantages: Literal["as_given", "standardised"] = "as_given"
    optimizer: OptimizerParams = OptimizerParams(lr=3e-4)


class PPO:
    """Improve a policy by PPO.

    A seed that is not finite is marked in `alive` [S]; a seed that its KL stops only waits for the next update.
    """

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
        """Train on observations [S, B, O], actions [S, B, A] and advantages [S, B] in minibatches. Returns logs [S].

        distribution: the policy's distribution at the observations.
        bonus: the weight of its entropy in the objective.
        """
        params, policy = self.params, self.policy
        old = tuple(t.detach() for t in distribution)
        old_log_prob = policy.log_density(old, actions)
        self.moving.copy_(self.alive)
        stopped, norms = torch.zeros_like(self.alive), []
        by_hand = None
        if isinstance(policy, GaussianPolicy) and written_out.applies(policy.net):
            by_hand = policy.net, policy.log_std
        rows = observations, actions, old_log_prob, advantages, *old
        parts = minibatches(draws, "policy", rows, params.epochs, params.minibatches)
        for k, (o, a, log_prob, gains, *before) in enumerate(parts):
            if params.minibatch_advantages == "standardised":
                gains = normalise(gains, "standardised")
            if by_hand is not None:
                loss = written_out.surrogate(*by_hand, o, a, log_prob, gains, params.clip, bonus)
                norms.append(self.optimizer.apply_gradients(loss, draws.step))
            else:
                new = policy.distribution(o)
                gain = clipped_surrogate(policy.log_density(new, a) - log_prob, gains, params.clip).mean(1)
                norms.append(self.optimizer.step(-gain - bonus * policy.entropy(new).mean(1), draws.step))
            if params.kl_stop != "none" and (k + 1) % params.minibatches == 0:
                if params.kl_stop == "batch":
                    o, before = observations, [*old]
                stopped |= self.moving & (self._kl(o, tuple(before)) > params.kl_limit)
                self.moving.logical_and_(~stopped)
        self.alive.logical_and_(self.moving | stopped)
        with torch.no_grad():
            new = policy.distribution(observations)
            gain = (((policy.log_density(new, actions) - old_log_prob).exp() - 1) * advantages).mean(1)
            kl = policy.kl(old, new).mean(1)
        return {"kl_policy": kl, "improvement": gain, "grad_policy": torch.stack(norms).mean(0)}

    @torch.no_grad()
    def _kl(self, observations: Tensor, old: Distribution) -> Tensor:
        """Return the mean KL from the policy before the update in nats, [S]."""
        return self.policy.kl(old, self.policy.distribution(observations)).mean(1)


def clipped_surrogate(log_ratio: Tensor, advantages: Tensor, clip: float) -> Tensor:
    """Return min(r A, clip(r, 1 +- clip) A) with r = pi / pi_old, [S, B], from log r and A [S, B]."""
    ratio = log_ratio.exp()
    return torch.minimum(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages)
