"""Adversarial imitation: train a policy against a discriminator of expert and policy.

This is GAIL (Ho and Ermon 2016), AIRL (Fu et al. 2018) and, by composition of the discriminator, VAIL, VAIRL and their
variants with a gradient penalty, noise or spectral norm (Peng et al. 2019).
"""

from __future__ import annotations

import copy
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from baselines.parts.adversarial.discriminators import DiscriminatorParams, discriminator, learnt_reward
from baselines.parts.adversarial.replay import Replay, ReplayParams
from baselines.parts.control.acting import Acting
from baselines.parts.control.learner import Learner, LearnerParams
from baselines.parts.control.transitions import Transitions, as_steps, transitions, with_actions
from harness.contracts import Draws, Environments, Method, Settings, TaskSpec

FAMILIES = ("locomotion", "maze", "mocap", "tabular")


class Params(Settings):
    """The parameters of adversarial imitation.

    batch: the rows of each side in one step of the discriminator.
    discriminator_steps: the discriminator's steps in one update.
    replay: the replay buffer of past paths, or None to train on the new paths only.
    replay_log_pi: whether pi(a|s) of replayed rows is that of the current policy or of the one that acted.
    shown: what the discriminator is trained on. `demonstrations` are the expert's own. `acted` is for recorded motions,
        which have no actions: these are episodes of a policy that tracks the motion, for a discriminator that takes
        actions.
    order: whether the policy is rewarded by the discriminator after this update's steps or before them.
    """

    algorithm: Literal["imitation"]
    learner: Annotated[LearnerParams, Field(discriminator="kind")]
    discriminator: DiscriminatorParams
    batch: int = Field(32, ge=1)
    discriminator_steps: int = Field(50, ge=1)
    replay: ReplayParams | None = None
    replay_log_pi: Literal["current", "behaviour"] = "current"
    shown: Literal["demonstrations", "acted"] = "demonstrations"
    order: Literal["discriminator_first", "policy_first"] = "discriminator_first"


class Imitation(Method[Environments]):
    def __init__(self, params: Params, spec: TaskSpec, draws: Draws, device: torch.device):
        super().__init__(draws.n_seeds)
        self.params, n = params, draws.n_seeds
        self.learner = Learner(n, spec, params.learner)
        self.discriminator = discriminator(n, spec, params.discriminator)
        self.replay = None
        if params.replay is not None:
            n_actions = spec.action_size or spec.n_actions
            self.replay = Replay(n, spec.horizon, spec.shape[0], n_actions, params.replay)
        self.ready(draws, device)

    def update(self, source: Environments, draws: Draws) -> dict[str, Tensor]:
        """Run the policy, train the discriminator, and improve the policy on the discriminator's reward."""
        params = self.params
        shown = source.demonstrations() if params.shown == "demonstrations" else with_actions(source)
        self.learner.observe_expert(shown, draws)
        rollout = self.learner.rollout(source, draws)
        new = transitions(rollout, params.discriminator.last_next)
        seen = new.map_observations(self.learner.see)
        if params.replay_log_pi == "behaviour":
            new = new._replace(log_pi=self._log_pi(seen))
        expert = transitions(shown, params.discriminator.last_next)
        if params.order == "discriminator_first":
            logs = self._fit(expert, new, draws)
        log_pi = self._log_pi(seen) if self.discriminator.needs_log_pi else None
        rewards = as_steps(self.discriminator.reward(seen, log_pi), rollout)
        logs_policy = self.learner.improve(rollout, rewards, draws, shown)
        if params.order == "policy_first":
            logs = self._fit(expert, new, draws)
        return logs | logs_policy | {"reward_mean": rewards.flatten(1).mean(1), "reward_std": rewards.flatten(1).std(1)}

    def _fit(self, expert: Transitions, new: Transitions, draws: Draws) -> dict[str, Tensor]:
        """Make the discriminator's steps. The logs are their means, except beta, which is that of the last step."""
        params = self.params
        pool = new if self.replay is None else self.replay.mix(new, draws)
        steps = (params.discriminator_steps, params.batch)
        n_expert, n_pool = expert.observations.shape[1], pool.observations.shape[1]
        see = self.learner.see
        theirs = expert.rows(draws.integers("expert", "rows", steps, n_expert).flatten(1)).map_observations(see)
        ours = pool.rows(draws.integers("data", "rows", steps, n_pool).flatten(1)).map_observations(see)
        log_pi = self._log_pi(theirs), self._log_pi(ours) if params.replay_log_pi == "current" else ours.log_pi
        total: dict[str, Tensor] = {}
        for k in range(params.discriminator_steps):
            part = slice(k * params.batch, (k + 1) * params.batch)
            a, b = (Transitions(*(x[:, part] for x in rows)) for rows in (theirs, ours))
            logs = self.discriminator.update(a, b, (log_pi[0][:, part], log_pi[1][:, part]), draws, f"critic{k}")
            total = {name: value + total.get(name, 0.0) for name, value in logs.items()}
        means = {name: value / params.discriminator_steps for name, value in total.items()}
        return means | ({"beta": logs["beta"]} if "beta" in logs else {})

    @torch.no_grad()
    def _log_pi(self, rows: Transitions) -> Tensor:
        return self.learner.policy.log_prob(rows.observations, rows.actions)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"critic": self.discriminator.optimizer.optimizer, **self.learner.optimizers()}

    def outputs(self) -> Acting:
        return self.learner.outputs(learnt_reward(self.discriminator))

    def artefacts(self) -> dict[str, dict[str, Tensor]]:
        """Return the learnt reward, on which another cell can train a new policy, and the normaliser of its inputs."""
        return {"reward": self.discriminator.state_dict() | self.learner.see.state_dict(prefix="see.")}


def controls(block: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the blocks of the control rows for a GAIL block, as raw parameters, for tasks where episodes may end
    early.

    The controls are the same learner with a reward of +1 or -1 in each step, and with a discriminator that sees
    nothing. A block with AIRL's discriminator has no controls; compare it with a row of GAIL.
    """
    net = block.get("discriminator", {})
    if net.get("kind") != "gail" or "learner" not in block:
        return {}
    learner = copy.deepcopy(block["learner"])
    if learner.get("normaliser"):
        learner["normaliser"]["source"] = "policy"
    constant = {"algorithm": "constant_reward", "learner": learner}
    blind = block | {"discriminator": net | {"input": "none"}}
    return {
        "control_plus": constant | {"reward": 1.0, "title": "control: reward +1"},
        "control_minus": constant | {"reward": -1.0, "title": "control: reward -1"},
        "control_blind": blind | {"title": "control: blind GAIL"},
    }


def build(params: Params, spec: TaskSpec, draws: Draws, device: torch.device) -> Imitation:
    return Imitation(params, spec, draws, device)
