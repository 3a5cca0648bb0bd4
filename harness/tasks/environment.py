"""Imitation in an environment of Gymnasium

This family takes any Gymnasium environment with Box observations and Box or Discrete actions, including your own. They
step one after the other, which is slower than the robots, which have their own family. Returns are true and
undiscounted, of a stochastic policy, over fresh episodes that end where the environment ends them. A training step is
one update of the policy, on as many steps as the task's horizon times its environments.

Every episode begins from a seed that is drawn like all other random numbers, so runs resume and stack as in other
families.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from pydantic import Field

from harness.contracts import Act, BenchError, ControlOutputs, Draws, Rollout, Settings, TaskSpec
from harness.run.params import TaskParams, digest
from harness.sim.gymnasium_worlds import AnyRobot, AnyWorlds
from harness.tasks.locomotion import Locomotion, LocomotionSource

learnt_as = "locomotion"
metrics = ("episodes",)
writes = ("artefacts",)

SEEDS = 2**31 - 1


class Scoring(Settings):
    n_episodes: int = Field(20, ge=1)


class Params(TaskParams):
    """The parameters of the task.

    env: Gymnasium's id with the version, or MODULE:ID for an environment of your own.
    horizon: the steps of a rollout and the maximum length of an episode; None uses the environment's time limit.
    termination: what happens after the environment ends an episode. With `restart` another episode begins, and an
        imitation task automatically gets control rows. With `absorbing` the rest of the horizon is spent in a special
        state, which is zero except for a last coordinate that marks it (Kostrikov et al. 2019, section 4.2). `ignored`
        is for environments that never end an episode by themselves; others are an error.
    demonstrations: the expert's, as TASK/CELL or as the path of what that cell stored, or your own as data/NAME.
    episodes: how many of its complete episodes are used, from the first.
    every: the stride in steps at which they are used; 1 uses every step.
    """

    family: Literal["environment"]
    env: str
    termination: Literal["ignored", "restart", "absorbing"] = "ignored"
    horizon: int | None = Field(None, ge=1)
    demonstrations: str | None = None
    episodes: int = Field(11, ge=1)
    every: int = Field(1, ge=1)
    score: Scoring = Scoring()

    @property
    def expert(self) -> str | None:
        return self.demonstrations


class Environment(Locomotion):
    """The task of imitating an expert in a Gymnasium environment.

    robot: the properties of the environment.
    """

    family = "environment"
    metrics, writes, outputs = metrics, writes, ControlOutputs

    def __init__(self, name: str, params: Params):
        self.name, self.params = name, params
        self.robot = AnyRobot(params.env)
        self.horizon = params.horizon or self.robot.horizon
        if not self.horizon:
            raise BenchError(f"{params.env} has no time limit: set tasks.{name}.horizon to the steps of an episode")
        if self.robot.horizon and self.horizon > self.robot.horizon:
            raise BenchError(
                f"tasks.{name}.horizon = {self.horizon}: must be at most {self.robot.horizon}, where {params.env} ends"
            )
        self.absorbing = params.termination == "absorbing"
        size, n = self.robot.observation_size + self.absorbing, self.robot.model.nu
        actions = {"n_actions": n} if self.robot.discrete else {"action_size": n}
        self.spec = TaskSpec(self.family, (size,), params.steps, horizon=self.horizon, **actions)

    @cached_property
    def data_hash(self) -> str:
        """The hash of the environment, of its rules as a few steps reveal them, and of the demonstrations."""
        content = [*self.robot.fingerprint, self.horizon, self.params.termination]
        if self.params.demonstrations is not None:
            content += [self.demonstration_steps.tolist()]
            content += [hashlib.sha256(np.ascontiguousarray(part)).hexdigest() for part in self.expert_episodes]
        return digest(content)

    def source(self, device: torch.device) -> EnvironmentSource:
        return EnvironmentSource(self, device, self.params.termination)

    @property
    def statistical(self) -> bool:
        return False

    def scoring_source(self, device: torch.device) -> EnvironmentSource:
        """Return a source that marks where the environment ends an episode, and begins another one after the mark."""
        return EnvironmentSource(self, device, "restart")


class EnvironmentSource(LocomotionSource):
    """The environments of all seeds. It has no state: every rollout begins with a reset."""

    def _worlds_of(self, n: int) -> AnyWorlds:
        if n not in self._worlds:
            self._worlds[n] = AnyWorlds(self.task.robot, n)
        return self._worlds[n]

    @torch.no_grad()
    def rollout(self, act: Act, draws: Draws, n_envs: int, name: str = "rollout", stream: str = "env") -> Rollout:
        """Return `horizon` steps of each environment; the task's `termination` says what the end of an episode does.

        The k-th episode of an environment has its own seed, independent of other environments. `actions` are as the
        policy drew them; the environment gets them clipped to its range.
        """
        horizon, n_seeds, absorbing = self.task.horizon, draws.n_seeds, self.task.absorbing
        n, shape = n_seeds * n_envs, self.task.spec.shape
        worlds, begun = self._worlds_of(n), np.zeros(n, int)
        starts: list[np.ndarray] = []

        def seeds() -> np.ndarray:
            while len(starts) <= begun.max():
                drawn = draws.integers(stream, f"{name}/reset/{len(starts)}", (n_envs,), SEEDS)
                starts.append(drawn.cpu().numpy().reshape(n))
            return np.stack(starts)[begun, np.arange(n)]

        def tensor(values: np.ndarray) -> torch.Tensor:
            return torch.as_tensor(values, device=self.device).unflatten(0, (n_seeds, n_envs))

        absorbed = np.zeros(n, bool)

        def shown(observations: np.ndarray) -> torch.Tensor:
            if absorbing:
                marked = np.where(absorbed[:, None], 0.0, observations)
                observations = np.concatenate([marked, absorbed[:, None]], 1)
            return tensor(observations)

        size = self.task.robot.model.nu
        seen = torch.empty(horizon, n_seeds, n_envs, *shape, device=self.device)
        after, rewards = torch.empty_like(seen), torch.empty(horizon, n_seeds, n_envs, device=self.device)
        actions = torch.empty(horizon, n_seeds, n_envs, size, device=self.device)
        terminated = torch.zeros(horizon, n_seeds, n_envs, dtype=torch.bool, device=self.device)
        truncated = torch.zeros_like(terminated)
        observations = worlds.reset(seeds())
        for t in range(horizon):
            seen[t] = shown(observations)
            actions[t] = act(seen[t], t)
            step = worlds.step(actions[t].reshape(n, size).cpu().numpy())
            if self.termination == "ignored" and step.terminated.any():
                key = f"tasks.{self.task.name}.termination"
                raise BenchError(
                    f"{self.task.robot.name} ends episodes by itself, but {key} is ignored: use absorbing or restart"
                )
            rewards[t] = tensor(np.where(absorbed, 0.0, step.rewards))
            over = step.terminated
            cut = step.truncated & ~step.terminated
            if self.termination == "absorbing":
                absorbed, over = absorbed | over, np.zeros(n, bool)
            after[t] = shown(step.observations)
            terminated[t], truncated[t] = tensor(over), tensor(cut & ~absorbed)
            observations = step.observations
            if (again := step.terminated | step.truncated).any():
                begun = begun + again
                observations = worlds.reset(seeds(), again)
        truncated[-1] = True
        parts = (seen, actions, rewards, after, terminated, truncated)
        return Rollout(*(part.transpose(0, 1).contiguous() for part in parts))


def build(name: str, params: Params, scratch: Path) -> Environment:
    return Environment(name, params)
