"""Improve a policy: rollouts, advantages, a value function, and TRPO or PPO."""

from __future__ import annotations

import math
from typing import Literal, Protocol, TypeVar

import torch
from pydantic import Field
from torch import Tensor, nn

from baselines.parts.control.acting import Acting, Reward
from baselines.parts.control.normaliser import NormaliserParams, RewardScale, RewardScaleParams, normaliser
from baselines.parts.control.policy import PolicyParams, policy
from baselines.parts.control.ppo import PPO, PPOParams
from baselines.parts.control.trpo import TRPO, TRPOParams
from baselines.parts.control.value import LinearParams, ValueParams, value_function
from harness.contracts import Draws, Environments, Rollout, Settings, TaskSpec
from harness.maths.returns import discounted_sum, episode_return, episode_times, gae, normalise


class _Common(Settings):
    """The parameters that both kinds of learner share.

    normaliser: scales the observations for the policy, its value function and a discriminator; None disables it.
    reward_scale: divides rewards by the standard deviation of their discounted returns; None disables it.
    n_envs: the number of environments of each seed, with one episode each in an update.
    advantages: whether they are standardised over the seed's whole batch, only centred, or used as they are (raw).
    entropy: `stop_gradient` adds weight * entropy, as a constant, to the finished advantages, as the maze code of Peng
        et al. (2019) does. For a Gaussian that changes nothing in expectation. `bonus` makes the entropy part of the
        policy's objective, and `none` ignores it.
    time_limit: where an episode is cut off, `bootstrap` continues with the value of the next observation, and `end`
        counts nothing after it, as rllab does.
    """

    policy: PolicyParams = PolicyParams()
    normaliser: NormaliserParams | None = None
    reward_scale: RewardScaleParams | None = None
    value: ValueParams = LinearParams()
    n_envs: int = Field(100, ge=1)
    gamma: float = Field(0.99, ge=0, le=1)
    lam: float = Field(1.0, ge=0, le=1)
    advantages: Literal["standardised", "centred", "raw"] = "standardised"
    entropy: Literal["stop_gradient", "bonus", "none"] = "stop_gradient"
    entropy_weight: float = Field(0.1, ge=0)
    time_limit: Literal["bootstrap", "end"] = "bootstrap"


class TRPOLearnerParams(TRPOParams, _Common):
    kind: Literal["trpo"]


class PPOLearnerParams(PPOParams, _Common):
    kind: Literal["ppo"]


LearnerParams = TRPOLearnerParams | PPOLearnerParams


class _Block(Protocol):
    """The parameters of a method with a learner."""

    @property
    def learner(self) -> LearnerParams: ...


Block = TypeVar("Block", bound=_Block)


def check_source(params: Block) -> Block:
    """Return `params`. Raises ValueError if the normaliser of a method without an expert needs one."""
    normaliser = params.learner.normaliser
    if normaliser is not None and normaliser.source != "policy":
        raise ValueError(f"learner.normaliser.source = {normaliser.source}: this method has no expert; use policy")
    return params


class Learner(nn.Module):
    """A policy with its value function, and TRPO or PPO to improve it.

    Rollouts hold observations as the environment returned them. `see` converts them into the inputs of all nets, for s
    and s' alike. Only the learner owns the normaliser, which changes at the end of `improve` and never within an
    update.
    """

    def __init__(self, n_seeds: int, spec: TaskSpec, params: LearnerParams):
        super().__init__()
        self.params, self.horizon = params, spec.horizon
        self.policy = policy(n_seeds, spec, params.policy)
        self.see = normaliser(n_seeds, math.prod(spec.shape), params.normaliser, spec.phase)
        self.scale = None if params.reward_scale is None else RewardScale(n_seeds, params.reward_scale)
        # The name is part of the path that initial weights are drawn by, so another one would change every result.
        self.value = value_function(n_seeds, math.prod(spec.shape), params.value)

    def bind(self, alive: Tensor) -> None:
        """Create the policy's optimiser, see `harness.contracts.bind`."""
        self.alive = alive
        self.optimiser: TRPO | PPO
        if self.params.kind == "trpo":
            self.optimiser = TRPO(self.policy, self.params, alive)
        else:
            self.optimiser = PPO(self.policy, self.params, alive)

    @torch.no_grad()
    def rollout(self, source: Environments, draws: Draws, name: str = "rollout") -> Rollout:
        """Run episodes of the current policy, which samples its actions."""
        noise = self.policy.noise(draws, (self.horizon, self.params.n_envs), name)
        see, act = self.see.transform(3), self.policy.acting(noise)
        return source.rollout(lambda o, t: act(see(o), t), draws, self.params.n_envs, name)

    def observe_expert(self, expert: Rollout, draws: Draws) -> None:
        """Let the normaliser absorb the demonstrations if its source is the expert; call this first in every update."""
        if draws.step == 0 and self._normalises_by("expert"):
            self._absorb(expert)

    def improve(
        self, rollout: Rollout, rewards: Tensor, draws: Draws, expert: Rollout | None = None
    ) -> dict[str, Tensor]:
        """Update the policy once for rewards [S, T, E], then fit the value function. Returns logs [S].

        The order is that of rllab: the advantages use the value function that was fitted to earlier batches.

        expert: the demonstrations, for a normaliser that counts both sides.
        """
        params, alive = self.params, self.alive
        ends = rollout.terminated | rollout.truncated
        times = episode_times(ends)
        seen = self.see(rollout.observations)
        observations, actions = seen.flatten(1, 2), rollout.actions.flatten(1, 2)
        values = self.value(seen, times)
        next_values = self.value(self.see(rollout.next_observations), times + 1)
        over = ends if params.time_limit == "end" else rollout.terminated
        scaled = rewards if self.scale is None else self.scale(rewards)
        advantages = gae(scaled, values, next_values, over, rollout.truncated, params.gamma, params.lam)
        alive.logical_and_(torch.isfinite(advantages).flatten(1).all(1))
        targets = discounted_sum(scaled, ends, params.gamma) if self.value.fits_returns else advantages + values
        distribution = self.policy.distribution(observations)
        entropy = self.policy.entropy(distribution).detach()
        weights = normalise(advantages.flatten(1), params.advantages)
        if params.entropy == "stop_gradient":
            weights = weights + params.entropy_weight * entropy
        bonus = params.entropy_weight if params.entropy == "bonus" else 0.0
        logs = self.optimiser.update(distribution, observations, actions, weights, bonus, draws)
        self.value.fit(seen, times, values, targets, draws)
        if self._normalises_by("policy", "both"):
            self._absorb(rollout)
        if self._normalises_by("both"):
            assert expert is not None
            self._absorb(expert)
        if self.scale is not None:
            self.scale.absorb(discounted_sum(rewards, ends, params.gamma).flatten(1).unsqueeze(2), alive)
        logs |= {"return": episode_return(rewards, ends), "true_return": episode_return(rollout.rewards, ends)}
        logs["entropy"] = entropy.mean(1)
        logs["explained_variance"] = 1 - (targets - values).flatten(1).var(1) / targets.flatten(1).var(1)
        return logs | self.policy.logs()

    def _normalises_by(self, *sources: str) -> bool:
        return self.params.normaliser is not None and self.params.normaliser.source in sources

    def _absorb(self, rollout: Rollout) -> None:
        self.see.absorb(rollout.observations.flatten(1, 2), self.alive)

    def outputs(self, reward: Reward | None = None) -> Acting:
        """Return the policy to be scored.

        reward: the reward that it learnt from, as a function of observations that `see` has converted.
        """
        return Acting(self.policy, reward, self.see)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Return the optimisers of policy and value function by name, if they have any."""
        own = {"policy": self.optimiser.optimizer.optimizer} if isinstance(self.optimiser, PPO) else {}
        return own | self.value.optimizers()
