"""Gymnasium's MuJoCo robots (version 5) as a task of control: HalfCheetah, Hopper, Walker2d, Swimmer, Ant and two small ones.

Episodes have one length by default: then nothing about survival leaks into them (Kostrikov et al. 2019). With
`terminate` they end as Gymnasium ends them, and another begins in the same world.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Literal

import mujoco
import numpy as np
import torch
from pydantic import Field, field_validator

from harness.contracts import Act, BenchError, Draws, Rollout, Settings, TaskSpec
from harness.run.params import TaskParams, digest
from harness.run.seeds import CounterDraws
from harness.sim.robots import ROBOTS, Worlds
from harness.tasks.demonstrations import Episodes, load

metrics = ("episodes",)


class Scoring(Settings):
    n_episodes: int = Field(20, ge=1)


class Params(TaskParams):
    """robot: Gymnasium's name with the version, which is part of what the data are.

    horizon: steps of a rollout, and of an episode at most; None: Gymnasium's time limit.
    terminate: end episodes where Gymnasium does.
    demonstrations: of the expert, TASK/CELL or the path of what that cell has left. episodes: the first so many of
        its whole episodes; every: only each so manieth step of them (Ho and Ermon 2016: 20).
    """

    family: Literal["locomotion"]
    robot: str
    terminate: bool = False
    horizon: int | None = Field(None, ge=1)
    demonstrations: str | None = None
    episodes: int = Field(11, ge=1)
    every: int = Field(1, ge=1)
    score: Scoring = Scoring()

    @field_validator("robot")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in ROBOTS:
            raise ValueError(f"one of {', '.join(ROBOTS)}")
        return name


class Locomotion:
    """robot: what it is made of."""

    family = "locomotion"
    metrics = metrics

    def __init__(self, name: str, params: Params):
        self.name, self.params = name, params
        self.robot = ROBOTS[params.robot]
        self.horizon = params.horizon or self.robot.horizon
        self.spec = TaskSpec(
            self.family, (self.robot.observation_size,), params.steps, action_size=self.robot.model.nu, horizon=self.horizon
        )

    @cached_property
    def data_hash(self) -> str:
        """Of the robot, its rules as they show in a few steps, and the demonstrations that are shown."""
        robot = self.robot
        half = np.full((2, robot.draws), 0.5)
        worlds = Worlds(robot, 2, threads=1)
        shown = [worlds.set_state(*robot.reset(half, 0 * half))]
        for action in (0.1, -2.0, 1.0):
            observations, rewards, healthy = worlds.step(np.full((2, robot.model.nu), action))
            shown += [observations, rewards, healthy]
        content = [
            robot.name, mujoco.__version__, hashlib.sha256(robot.path.read_bytes()).hexdigest(), robot.noise, robot.normal,
            self.horizon, self.params.terminate, [np.round(x.astype(float), 6).tolist() for x in shown],
        ]  # fmt: skip
        if self.params.demonstrations is not None:
            content += [self.shown_steps.tolist()]
            content += [hashlib.sha256(np.ascontiguousarray(part)).hexdigest() for part in self.demonstrated]
        return digest(content)

    @cached_property
    def demonstrated(self) -> Episodes:
        """The expert's first whole episodes. Raises BenchError where they are missing, of another robot or too few."""
        n, robot = self.params.episodes, self.robot
        found = load(self.params.demonstrations, self.name, self.horizon, robot.observation_size, robot.model.nu)
        if (held := found.rewards.shape[1]) < n:
            raise BenchError(f"{self.params.demonstrations} holds {held} whole episodes, tasks.{self.name}.episodes asks for {n}")
        return Episodes(*(part[:, :n] for part in found))

    @cached_property
    def shown_steps(self) -> np.ndarray:
        """[T', E]: the steps that are shown, every so manieth from a place of its own in each episode."""
        n, every = self.params.episodes, self.params.every
        if every > self.horizon:
            raise BenchError(f"tasks.{self.name}.every = {every}: more than the {self.horizon} steps of an episode")
        first = CounterDraws((0,), "locomotion/demonstrations", "cpu", lookahead=1).integers("expert", "first", (n,), every)
        return first.numpy() + every * np.arange(self.horizon // every)[:, None]

    def source(self, device: torch.device) -> LocomotionSource:
        return LocomotionSource(self, device, marks=self.params.terminate, restarts=self.params.terminate)

    def to_score(self, device: torch.device) -> LocomotionSource:
        """Marks where Gymnasium would end an episode, and goes on."""
        return LocomotionSource(self, device, marks=True, restarts=False)


class LocomotionSource:
    """All worlds of all seeds side by side. It remembers nothing: every rollout begins with a reset.

    marks: set `terminated` where a robot is down. restarts: begin another episode there.
    """

    def __init__(self, task: Locomotion, device: torch.device, marks: bool, restarts: bool):
        self.task, self.device, self.marks, self.restarts = task, device, marks, restarts
        self._worlds: dict[int, Worlds] = {}

    def _simulation(self, n: int) -> Worlds:
        if n not in self._worlds:
            self._worlds[n] = Worlds(self.task.robot, n, self.task.params.threads)
        return self._worlds[n]

    @torch.no_grad()
    def rollout(self, act: Act, draws: Draws, n_envs: int, name: str = "rollout", stream: str = "env") -> Rollout:
        """`horizon` steps of each world. Where an episode ends before that, the next begins in the same world.

        The last step cuts off whatever is still going on. The environment gets the action cut to its range, and the
        control cost is that of the cut action; `actions` are as the policy drew them.
        """
        robot, horizon, n_seeds = self.task.robot, self.task.horizon, draws.n_seeds
        n, worlds = n_seeds * n_envs, self._simulation(n_seeds * n_envs)
        low, high = robot.model.actuator_ctrlrange.T

        def fresh(part: str) -> tuple[np.ndarray, np.ndarray]:
            shape = (n_envs, robot.draws)
            u = draws.uniform(stream, f"{name}/{part}", shape), draws.normal(stream, f"{name}/{part}/normal", shape)
            return robot.reset(*(x.double().cpu().numpy().reshape(n, -1) for x in u))

        def of_worlds(values: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(values).unflatten(0, (n_seeds, n_envs))

        seen = torch.empty(horizon, n_seeds, n_envs, robot.observation_size, device=self.device)
        after, rewards = torch.empty_like(seen), torch.empty(horizon, n_seeds, n_envs, device=self.device)
        actions = torch.empty(horizon, n_seeds, n_envs, robot.model.nu, device=self.device)
        terminated = torch.zeros(horizon, n_seeds, n_envs, dtype=torch.bool, device=self.device)
        observations = worlds.set_state(*fresh("reset"))
        for t in range(horizon):
            seen[t] = of_worlds(observations)
            actions[t] = act(seen[t], t)
            drawn = actions[t].reshape(n, -1).double().cpu().numpy()
            observations, paid, healthy = worlds.step(np.clip(drawn, low, high))
            after[t], rewards[t] = of_worlds(observations), of_worlds(paid)
            if self.marks and not healthy.all():
                terminated[t] = of_worlds(~healthy)
                if self.restarts and t + 1 < horizon:
                    observations = worlds.set_state(*fresh(f"reset/{t}"), ~healthy)
        truncated = torch.zeros_like(terminated)
        truncated[-1] = True
        parts = (seen, actions, rewards, after, terminated, truncated)
        return Rollout(*(part.transpose(0, 1).contiguous() for part in parts))

    def demonstrations(self) -> Rollout:
        """[1, T, E, ...] of the expert, E = episodes, every so manieth step. Made once."""
        return self._demonstrations

    @cached_property
    def _demonstrations(self) -> Rollout:
        steps, horizon = self.task.shown_steps, self.task.horizon
        parts = [part[steps, np.arange(steps.shape[1])] for part in self.task.demonstrated]  # [T', E, ...]
        observations, actions, rewards, after = (torch.as_tensor(part, device=self.device)[None] for part in parts)
        truncated = torch.as_tensor(steps == horizon - 1, device=self.device)[None]
        return Rollout(observations, actions, rewards, after, torch.zeros_like(truncated), truncated)


def build(name: str, params: Params, scratch: Path) -> Locomotion:
    return Locomotion(name, params)
