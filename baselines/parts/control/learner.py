"""A policy and what improves it: rollouts, advantages, a value function, and TRPO or PPO."""

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
    """What both kinds share.

    normaliser: of the observations that the policy, its value function and a discriminator meet; None for none.
    reward_scale: divides rewards by the standard deviation of their discounted returns; None leaves them as they are.
    n_envs: the environments of each seed, with one episode each in an update.
    advantages: standardised over the seed's whole batch, only centred, or raw.
    entropy: stop_gradient adds weight * entropy, as a number, to the finished advantages, as the maze code of Peng et
        al. (2019) does; for a Gaussian that is a constant, which changes nothing in expectation. With bonus, the
        entropy is part of what the policy maximises. With none, it is neither.
    time_limit: where an episode is cut off, bootstrap counts on with the value of the next observation; end counts
        nothing after it, as rllab does.
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
    """The parameters of a method that has a learner."""

    @property
    def learner(self) -> LearnerParams: ...


Block = TypeVar("Block", bound=_Block)


def check_source(params: Block) -> Block:
    """Return the `params` of a method that meets no expert. Raises ValueError where its normaliser needs one."""
    normaliser = params.learner.normaliser
    if normaliser is not None and normaliser.source != "policy":
        raise ValueError(f"learner.normaliser.source = {normaliser.source}: this method has no expert; use policy")
    return params


class Learner(nn.Module):
    """A policy with its value function, and with TRPO or PPO to improve it.

    Rollouts hold observations as the environment gave them; `see` turns them into what all nets meet, s and s' alike.
    The learner alone owns the normaliser, which moves at the end of `improve` and never within an update.
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
        """Make the policy's optimiser, see `harness.contracts.bind`."""
        self.alive = alive
        self.optimiser: TRPO | PPO
        if self.params.kind == "trpo":
            self.optimiser = TRPO(self.policy, self.params, alive)
        else:
            self.optimiser = PPO(self.policy, self.params, alive)

    @torch.no_grad()
    def rollout(self, source: Environments, draws: Draws, name: str = "rollout") -> Rollout:
        """Run episodes of the current policy, which draws its actions."""
        noise = self.policy.noise(draws, (self.horizon, self.params.n_envs), name)
        see, act = self.see.transform(3), self.policy.acting(noise)
        return source.rollout(lambda o, t: act(see(o), t), draws, self.params.n_envs, name)

    def observe_expert(self, expert: Rollout, draws: Draws) -> None:
        """Take in the demonstrations where the normaliser goes by the expert's; call it first thing in every update."""
        if draws.step == 0 and self._normalises_by("expert"):
            self._absorb(expert)

    def improve(
        self, rollout: Rollout, rewards: Tensor, draws: Draws, expert: Rollout | None = None
    ) -> dict[str, Tensor]:
        """Update the policy once for rewards [S, T, E], then fit the value function; returns logs [S].

        The order is rllab's: the advantages rest on the value function that was fitted to earlier batches. expert: the
        demonstrations, for a normaliser that counts both sides.
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
        """The policy to be scored; reward: what it learnt from, a function of observations as `see` gives them."""
        return Acting(self.policy, reward, self.see)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """The optimisers of policy and value function by name, as far as they have one."""
        own = {"policy": self.optimiser.optimizer.optimizer} if isinstance(self.optimiser, PPO) else {}
        return own | self.value.optimizers()
