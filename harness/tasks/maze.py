"""Inverse reinforcement learning in mazes

A ball moves through a maze (the paper's Fig. 7). Returns are true and undiscounted, of a stochastic policy, over fresh
episodes.

These are the C-maze and the S-maze (Peng et al. 2019, section 5.3), each with its flipped maze for re-training.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from harness.contracts import Act, ControlOutputs, Draws, Rollout, Settings, Task, TaskSpec
from harness.maths.arrays import as_like, namespace, to_array
from harness.run.params import TaskParams, digest
from harness.sim import mazes
from harness.sim.free_flight import FreeFlight
from harness.sim.threads import Threads
from harness.sim.warp import Warp
from harness.tasks.acting import probe_policy
from harness.tasks.demonstrations import Episodes, load

metrics = ("returns", "reward_map")
writes = ("panels", "artefacts")


class Scoring(Settings):
    n_episodes: int = Field(100, ge=1)


class Params(TaskParams):
    """The parameters of the task.

    physics: MuJoCo for all steps, or a closed form where the ball touches nothing (equal up to rounding), or
        mujoco-warp for a GPU, with single precision and its own contacts, so it agrees only on average.
    demonstrations: the expert's, as TASK/CELL or as the path of what that cell stored.
    rewards: the task with the learnt rewards; a method is re-trained on the reward of the method of the same name.
    """

    family: Literal["maze"]
    maze: Literal["c", "s"]
    flipped: bool = False
    physics: Literal["mujoco", "free_flight", "warp"] = "free_flight"
    horizon: int = Field(mazes.HORIZON, ge=1)
    demonstrations: str | None = None
    rewards: str | None = None
    score: Scoring = Scoring()

    @property
    def expert(self) -> str | None:
        return self.demonstrations

    @property
    def reward_task(self) -> str | None:
        return self.rewards


class MazeTask(Task):
    """The task of inverse reinforcement learning in a maze.

    maze: the maze with its true reward and its geometry.
    """

    family = "maze"
    metrics, writes, outputs = metrics, writes, ControlOutputs

    def __init__(self, name: str, params: Params):
        self.name, self.params = name, params
        self.maze = mazes.ContinuousMaze(params.maze, params.flipped)
        self.spec = TaskSpec(self.family, (3,), params.steps, action_size=2, horizon=params.horizon)

    @cached_property
    def data_hash(self) -> str:
        """The hash of maze and demonstrations. Raises BenchError if the demonstrations are missing or damaged."""
        maze, horizon = self.maze, self.params.horizon
        places = np.stack(np.meshgrid(*(np.linspace(a, b, 40) for a, b in (maze.room[::2], maze.room[1::2]))), -1)
        rewards = maze.reward(places, places, places[::-1])  # whatever the reward is made of shows in its values
        content = [
            mazes.xml(maze.kind, maze.flipped),
            maze.start,
            mazes.RESET_SPEED,
            mazes.CONTROL_PERIOD,
            horizon,
            rewards.round(9).tolist(),
        ]
        if self.params.demonstrations is not None:
            content += [hashlib.sha256(np.ascontiguousarray(part)).hexdigest() for part in self.expert_episodes]
        return digest(content)

    @cached_property
    def expert_episodes(self) -> Episodes:
        """The expert's episodes. Raises BenchError if they are missing or damaged."""
        return load(self.params.demonstrations, self.name, self.params.horizon, (3,), 2, self._reward)

    def _reward(self, observations: np.ndarray, actions: np.ndarray, next_observations: np.ndarray) -> np.ndarray:
        """Return the true reward for observations (x, y, 0)."""
        return self.maze.reward(observations[..., :2], actions, next_observations[..., :2])

    def in_flipped_maze(self) -> MazeTask:
        """Return the same task in the flipped maze."""
        return MazeTask(self.name, self.params.model_copy(update={"flipped": True}))

    def source(self, device: torch.device) -> MazeSource:
        return MazeSource(self, device)

    def probe(self, outputs: ControlOutputs, draws: Draws) -> Tensor:
        return probe_policy(self.source(torch.device("cpu")), outputs, draws)

    @property
    def statistical(self) -> bool:
        return self.params.physics == "warp"


def simulation(task: MazeTask, n: int, device: torch.device) -> Threads | FreeFlight | Warp:
    """Return `n` worlds of the task's maze.

    device: the device of mujoco-warp.
    """
    maze, threads = task.maze, task.params.threads
    if task.params.physics == "free_flight":
        return FreeFlight(maze, n, threads)
    if task.params.physics == "warp":
        return Warp(maze.model(), n, maze.frame_skip, device)
    return Threads(maze.model(), n, maze.frame_skip, threads)


class MazeSource:
    """The worlds of all seeds. It has no state: every rollout begins with a reset.

    With physics warp a rollout stays on the device, and no step waits for it.
    """

    def __init__(self, task: MazeTask, device: torch.device):
        self.task, self.device = task, device
        self._worlds: dict[int, Threads | FreeFlight | Warp] = {}

    def _simulation(self, n: int) -> Threads | FreeFlight | Warp:
        if n not in self._worlds:
            self._worlds[n] = simulation(self.task, n, self.device)
        return self._worlds[n]

    @torch.no_grad()
    def rollout(self, act: Act, draws: Draws, n_envs: int, name: str = "rollout", stream: str = "env") -> Rollout:
        """Return episodes of `horizon` steps, which only the time limit ends.

        `act` observes (x, y, 0). The true reward uses the action as it is; the motors clip it to their range.
        """
        maze, horizon, n_seeds = self.task.maze, self.task.params.horizon, draws.n_seeds
        worlds = n_seeds * n_envs
        simulation = self._simulation(worlds)
        device = simulation.device
        u = to_array(draws.uniform(stream, f"{name}/reset", (n_envs, 2)), device)
        positions = namespace(u).empty((horizon + 1, worlds, 2), device=device)
        positions[0] = as_like(maze.start, u)
        simulation.set_state(positions[0], mazes.RESET_SPEED * (2 * u.reshape(worlds, 2) - 1))
        seen = torch.zeros(horizon + 1, n_seeds, n_envs, 3, device=self.device)
        places = seen.view(horizon + 1, worlds, 3)[..., :2]
        places[0] = torch.as_tensor(positions[0])
        actions = torch.empty(horizon, n_seeds, n_envs, 2, device=self.device)
        for t in range(horizon):
            actions[t] = act(seen[t], t)
            positions[t + 1], _ = simulation.step(to_array(actions[t].reshape(worlds, 2), device))
            places[t + 1] = torch.as_tensor(positions[t + 1])
        if device is not None:
            simulation.check()
        taken = to_array(actions.reshape(horizon, worlds, 2), device)
        rewards = torch.as_tensor(maze.reward(positions[:-1], taken, positions[1:])).view(horizon, n_seeds, n_envs)
        return _rollout(seen[:-1], actions, rewards.to(seen), seen[1:])

    def demonstrations(self) -> Rollout:
        """Return the expert's episodes [1, T, E, ...]. They are computed once."""
        return self._demonstrations

    @cached_property
    def _demonstrations(self) -> Rollout:
        return _rollout(*(torch.as_tensor(part, device=self.device)[:, None] for part in self.task.expert_episodes))


def _rollout(observations: Tensor, actions: Tensor, rewards: Tensor, next_observations: Tensor) -> Rollout:
    """Return a rollout from tensors [T, S, E, ...]: the seeds become the first axis, and the last step is cut off."""
    parts = [part.transpose(0, 1).contiguous() for part in (observations, actions, rewards, next_observations)]
    terminated = torch.zeros_like(parts[2], dtype=torch.bool)
    truncated = terminated.clone()
    truncated[:, -1] = True
    return Rollout(*parts, terminated, truncated)


def build(name: str, params: Params, scratch: Path) -> MazeTask:
    return MazeTask(name, params)
