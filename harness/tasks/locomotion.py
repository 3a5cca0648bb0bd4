"""Imitation of robots

These are Gymnasium's MuJoCo robots, version 5. By default imitation sees episodes of one length, which nothing ends
early, so that survival reveals nothing. Returns are true and undiscounted, of a stochastic policy, over fresh episodes
that end where Gymnasium ends them. A training step is one update of the policy, on as many environment steps as the
task's horizon times its environments.

The robots are HalfCheetah, Hopper, Walker2d, Swimmer, Ant and two small ones. With episodes of one length the data
contain nothing about survival (Kostrikov et al. 2019). Episodes may also end as Gymnasium ends them, followed by
another one in the same world, or in a state that is never left.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import mujoco
import numpy as np
import torch
from pydantic import Field, field_validator

from harness.contracts import Act, BenchError, ControlOutputs, Draws, Rollout, Settings, Task, TaskSpec
from harness.maths.arrays import Array, all_known, namespace, to_array
from harness.run.params import TaskParams, digest
from harness.run.seeds import CounterDraws
from harness.sim.robots import ROBOTS, Worlds
from harness.tasks.acting import Starts, probe_policy
from harness.tasks.demonstrations import Episodes, load, scores

metrics = ("episodes",)
writes = ("artefacts",)


class Scoring(Settings):
    n_episodes: int = Field(20, ge=1)


class Params(TaskParams):
    """The parameters of the task.

    robot: Gymnasium's name with the version, which is part of the identity of the data.
    physics: `mujoco` is exact and runs on CPU threads. `warp` is mujoco-warp for a GPU, with single precision and its
        own contacts, so it agrees only on average.
    horizon: the steps of a rollout and the maximum length of an episode; None uses Gymnasium's time limit.
    termination: what happens after Gymnasium ends an episode. With `ignored` the rollout continues. With `restart`
        another episode begins in the same world, and an imitation task automatically gets control rows. With
        `absorbing` the world stays until the horizon in a special state, which is zero except for a last coordinate
        that marks it (Kostrikov et al. 2019, section 4.2).
    demonstrations: the expert's, as TASK/CELL or as the path of what that cell stored, or your own as data/NAME.
    episodes: how many of its complete episodes are used, from the first.
    every: the stride in steps at which they are used; 1 uses every step (Ho and Ermon 2016 use 20).
    reset_noise: a factor for the width of Gymnasium's noise of the initial state. Above 1, episodes begin in states
        that an expert trained with 1 has never seen.
    """

    family: Literal["locomotion"]
    robot: str
    physics: Literal["mujoco", "warp"] = "mujoco"
    termination: Literal["ignored", "restart", "absorbing"] = "ignored"
    horizon: int | None = Field(None, ge=1)
    demonstrations: str | None = None
    episodes: int = Field(11, ge=1)
    every: int = Field(1, ge=1)
    reset_noise: float = Field(1.0, ge=0)
    score: Scoring = Scoring()

    @property
    def expert(self) -> str | None:
        return self.demonstrations

    @field_validator("robot")
    @classmethod
    def _check_robot(cls, name: str) -> str:
        if name not in ROBOTS:
            raise ValueError(f"must be one of {', '.join(ROBOTS)}")
        return name


class Locomotion(Task):
    """The task of imitating an expert with a robot.

    robot: the rules of the robot.
    """

    family = "locomotion"
    metrics, writes, outputs = metrics, writes, ControlOutputs

    def __init__(self, name: str, params: Params):
        self.name, self.params = name, params
        known = ROBOTS[params.robot]
        self.robot = known if params.reset_noise == 1 else replace(known, noise=params.reset_noise * known.noise)
        self.horizon = params.horizon or self.robot.horizon
        self.absorbing = params.termination == "absorbing"
        size = self.robot.observation_size + self.absorbing
        self.spec = TaskSpec(self.family, (size,), params.steps, action_size=self.robot.model.nu, horizon=self.horizon)

    @cached_property
    def data_hash(self) -> str:
        """The hash of the robot, of its rules as a few steps reveal them, and of the demonstrations."""
        robot = self.robot
        half = np.full((2, robot.draws), 0.5)
        worlds = Worlds(robot, 2, threads=1)
        shown = [worlds.set_state(*robot.reset(half, 0 * half))]
        for action in (0.1, -2.0, 1.0):
            observations, rewards, healthy = worlds.step(np.full((2, robot.model.nu), action))
            shown += [observations, rewards, healthy]
        content = [
            robot.name,
            mujoco.__version__,
            hashlib.sha256(robot.path.read_bytes()).hexdigest(),
            robot.noise,
            robot.normal,
            self.horizon,
            self.params.termination,
            [np.round(x.astype(float), 6).tolist() for x in shown],
        ]
        if self.params.demonstrations is not None:
            content += [self.demonstration_steps.tolist()]
            content += [hashlib.sha256(np.ascontiguousarray(part)).hexdigest() for part in self.expert_episodes]
        return digest(content)

    @cached_property
    def expert_episodes(self) -> Episodes:
        """The expert's first complete episodes. An absorbing task adds its mark if the expert has none.

        Raises BenchError if they are missing, of another robot or too few.
        """
        n, robot = self.params.episodes, self.robot
        sizes = {robot.observation_size, *self.spec.shape}
        found = load(self.params.demonstrations, self.name, self.horizon, sizes, robot.model.nu)
        if (more := self.spec.shape[0] - found.observations.shape[2]) > 0:
            marked = (
                np.pad(part, ((0, 0), (0, 0), (0, more))) for part in (found.observations, found.next_observations)
            )
            found = found._replace(**dict(zip(("observations", "next_observations"), marked)))
        if (held := found.rewards.shape[1]) < n:
            raise BenchError(
                f"{self.params.demonstrations} holds {held} whole episodes, but tasks.{self.name}.episodes = {n}"
            )
        return Episodes(*(part[:, :n] for part in found))

    @cached_property
    def expert(self) -> dict[str, float]:
        """The expert's scores by the metrics of every policy; empty without demonstrations."""
        return {} if self.params.demonstrations is None else scores(self.params.demonstrations, "return")

    def facts(self) -> dict[str, Any]:
        return {"expert": self.expert} if self.expert else {}

    @cached_property
    def demonstration_steps(self) -> np.ndarray:
        """Return [T', E]: the steps that are shown, at the stride `every` from a place of its own in each episode."""
        n, every = self.params.episodes, self.params.every
        if every > self.horizon:
            raise BenchError(
                f"tasks.{self.name}.every = {every}: must be at most the {self.horizon} steps of an episode"
            )
        first = CounterDraws((0,), "locomotion/demonstrations", "cpu", lookahead=1).integers(
            "expert", "first", (n,), every
        )
        return first.numpy() + every * np.arange(self.horizon // every)[:, None]

    def source(self, device: torch.device) -> LocomotionSource:
        return LocomotionSource(self, device, self.params.termination)

    def probe(self, outputs: ControlOutputs, draws: Draws) -> torch.Tensor:
        return probe_policy(self.source(torch.device("cpu")), outputs, draws)

    @property
    def statistical(self) -> bool:
        return self.params.physics == "warp"

    def scoring_source(self, device: torch.device) -> LocomotionSource:
        """Return a source that marks where Gymnasium would end an episode, and continues."""
        return LocomotionSource(self, device, "marked")


class LocomotionSource:
    """Roll out the worlds of all seeds in parallel. It has no state: every rollout begins with a reset.

    With physics warp a rollout stays on the device, and no step waits for it.

    termination: the task's, or "marked": `terminated` is set where a robot is down, and the rollout continues.
    """

    def __init__(self, task: Locomotion, device: torch.device, termination: str):
        self.task, self.device, self.termination = task, device, termination
        self._worlds: dict[int, Worlds] = {}

    def _simulation(self, n: int) -> Worlds:
        if n not in self._worlds:
            params = self.task.params
            self._worlds[n] = Worlds(
                self.task.robot, n, params.threads, self.device if params.physics == "warp" else None
            )
        return self._worlds[n]

    @torch.no_grad()
    def rollout(self, act: Act, draws: Draws, n_envs: int, name: str = "rollout", stream: str = "env") -> Rollout:
        """Return `horizon` steps of each world. If an episode ends earlier, the next one begins in the same world.

        The last step cuts off whatever has not ended. The environment gets the action clipped to its range, and the
        control cost is that of the clipped action; `actions` are as the policy drew them. Actions in the absorbing
        state have no effect and no reward.
        """
        robot, horizon, n_seeds = self.task.robot, self.task.horizon, draws.n_seeds
        n, worlds = n_seeds * n_envs, self._simulation(n_seeds * n_envs)
        device = worlds.device
        low, high = (to_array(torch.from_numpy(end), device) for end in robot.model.actuator_ctrlrange.T)
        starts, xp = Starts(robot, draws, n_envs, name, stream, device), namespace(low)
        absorbed = xp.zeros(n, dtype=bool, device=device)

        def of_worlds(values: Array) -> torch.Tensor:
            return torch.as_tensor(values).unflatten(0, (n_seeds, n_envs))

        def shown(observations: Array) -> torch.Tensor:
            """Return observations [S, E, O], with the mark of an absorbing task."""
            if self.task.absorbing:
                observations = xp.concat([xp.where(absorbed[:, None], 0.0, observations), absorbed[:, None]], 1)
            return of_worlds(observations)

        seen = torch.empty(horizon, n_seeds, n_envs, *self.task.spec.shape, device=self.device)
        after, rewards = torch.empty_like(seen), torch.empty(horizon, n_seeds, n_envs, device=self.device)
        actions = torch.empty(horizon, n_seeds, n_envs, robot.model.nu, device=self.device)
        terminated = torch.zeros(horizon, n_seeds, n_envs, dtype=torch.bool, device=self.device)
        observations = worlds.set_state(*starts.next(~absorbed))
        for t in range(horizon):
            seen[t] = shown(observations)
            actions[t] = act(seen[t], t)
            drawn = to_array(actions[t].reshape(n, -1), device)
            observations, paid, healthy = worlds.step(xp.clip(drawn, low, high))
            if self.termination == "absorbing":
                rewards[t] = of_worlds(xp.where(absorbed, 0.0, paid))
                absorbed |= ~healthy
                after[t] = shown(observations)
                continue
            after[t], rewards[t] = shown(observations), of_worlds(paid)
            if self.termination != "ignored" and not all_known(healthy):
                terminated[t] = of_worlds(~healthy)
                if self.termination == "restart" and t + 1 < horizon:
                    observations = worlds.set_state(*starts.next(~healthy), ~healthy)
        worlds.check()
        truncated = torch.zeros_like(terminated)
        truncated[-1] = True
        parts = (seen, actions, rewards, after, terminated, truncated)
        return Rollout(*(part.transpose(0, 1).contiguous() for part in parts))

    def demonstrations(self) -> Rollout:
        """Return [1, T, E, ...] of the expert's E episodes, at the stride `every`. They are computed once."""
        return self._demonstrations

    @cached_property
    def _demonstrations(self) -> Rollout:
        steps, horizon = self.task.demonstration_steps, self.task.horizon
        parts = [part[steps, np.arange(steps.shape[1])] for part in self.task.expert_episodes]  # [T', E, ...]
        observations, actions, rewards, after = (torch.as_tensor(part, device=self.device)[None] for part in parts)
        truncated = torch.as_tensor(steps == horizon - 1, device=self.device)[None]
        return Rollout(observations, actions, rewards, after, torch.zeros_like(truncated), truncated)


def build(name: str, params: Params, scratch: Path) -> Locomotion:
    return Locomotion(name, params)
