"""The C-maze and the S-maze (Peng et al. 2019, section 5.3), each with its flipped maze for re-training."""

from __future__ import annotations

import hashlib
import zipfile
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from harness.contracts import Act, BenchError, Draws, Rollout, Settings, TaskSpec
from harness.run.params import TaskParams, digest
from harness.sim import mazes
from harness.sim.free_flight import FreeFlight
from harness.sim.threads import Threads

metrics = ("returns", "reward_map")

DEMONSTRATED = ("observations", "actions", "next_observations")


class Scoring(Settings):
    n_episodes: int = Field(100, ge=1)


class Params(TaskParams):
    """physics: MuJoCo for all steps, or a closed form where the ball touches nothing (equal but for rounding).

    demonstrations: of the expert, TASK/CELL or the path of what that cell has left.
    rewards: the task whose learnt rewards a method of the same name is re-trained on.
    """

    family: Literal["maze"]
    maze: Literal["c", "s"]
    flipped: bool = False
    physics: Literal["mujoco", "free_flight"] = "free_flight"
    horizon: int = Field(mazes.HORIZON, ge=1)
    demonstrations: str | None = None
    rewards: str | None = None
    score: Scoring = Scoring()


class Maze:
    """maze: this one, with its true reward and its geometry."""

    family = "maze"
    metrics = metrics

    def __init__(self, name: str, params: Params):
        self.name, self.params = name, params
        self.maze = mazes.Maze(params.maze, params.flipped)
        self.spec = TaskSpec(self.family, (3,), params.steps, action_size=2, horizon=params.horizon)

    @cached_property
    def data_hash(self) -> str:
        """Raises BenchError where the demonstrations are missing or damaged."""
        maze, horizon = self.maze, self.params.horizon
        places = np.stack(np.meshgrid(*(np.linspace(a, b, 40) for a, b in (maze.room[::2], maze.room[1::2]))), -1)
        rewards = maze.reward(places, places, places[::-1])  # whatever the reward is made of shows in its values
        content = [
            mazes.xml(maze.kind, maze.flipped), maze.start, mazes.RESET_SPEED, mazes.CONTROL_PERIOD, horizon,
            rewards.round(9).tolist(),
        ]  # fmt: skip
        if self.params.demonstrations is not None:
            content += [hashlib.sha256(np.ascontiguousarray(part)).hexdigest() for part in self._demonstrated]
        return digest(content)

    @cached_property
    def _demonstrated(self) -> list[np.ndarray]:
        """Arrays [1, T, E, ...] named in DEMONSTRATED."""
        path = self.params.demonstrations
        if path is None:
            raise BenchError(f"{self.name} has no demonstrations: give tasks.{self.name}.demonstrations, the expert's cell")
        if not Path(path).is_file():
            raise BenchError(f"{path} with the demonstrations of {self.name} is missing: train the expert cell first")
        try:
            with np.load(path) as file:
                parts = [file[f"demonstrations/{name}"].astype(np.float32) for name in DEMONSTRATED]
            fits = all(p.shape == (1, self.params.horizon, parts[0].shape[2], n) for p, n in zip(parts, (3, 2, 3)))
            fits &= all(p.size > 0 and np.isfinite(p).all() for p in parts)
        except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile):
            fits = False
        if not fits:
            raise BenchError(
                f"{path} holds no demonstrations of {self.params.horizon} steps in this maze:"
                " train the expert cell first, or again"
            )
        return parts

    def in_flipped(self) -> Maze:
        """The same task in the flipped maze."""
        return Maze(self.name, self.params.model_copy(update={"flipped": True}))

    def source(self, device: torch.device) -> MazeSource:
        return MazeSource(self, device)


class MazeSource:
    """All worlds of all seeds side by side. It remembers nothing: every rollout begins with a reset."""

    def __init__(self, task: Maze, device: torch.device):
        self.task, self.device = task, device
        self._worlds: dict[int, Threads | FreeFlight] = {}

    def _simulation(self, n: int) -> Threads | FreeFlight:
        if n not in self._worlds:
            maze, threads = self.task.maze, self.task.params.threads
            self._worlds[n] = (
                FreeFlight(maze, n, threads) if self.task.params.physics == "free_flight"
                else Threads(maze.model(), n, maze.frame_skip, threads)
            )  # fmt: skip
        return self._worlds[n]

    @torch.no_grad()
    def rollout(self, act: Act, draws: Draws, n_envs: int, name: str = "rollout", stream: str = "env") -> Rollout:
        """Episodes of `horizon` steps; only the time limit ends them.

        `act` sees (x, y, 0). The true reward takes its action as it is; the motors cut it to their range.
        """
        maze, horizon, n_seeds = self.task.maze, self.task.params.horizon, draws.n_seeds
        worlds = n_seeds * n_envs
        simulation = self._simulation(worlds)
        u = draws.uniform(stream, f"{name}/reset", (n_envs, 2)).double().cpu().numpy()
        positions = np.empty((horizon + 1, worlds, 2))
        positions[0] = maze.start
        simulation.set_state(positions[0], mazes.RESET_SPEED * (2 * u.reshape(worlds, 2) - 1))
        seen = torch.zeros(horizon + 1, n_seeds, n_envs, 3, device=self.device)
        seen[0, ..., :2] = _tensor(positions[0], seen[0, ..., :2])
        actions = torch.empty(horizon, n_seeds, n_envs, 2, device=self.device)
        for t in range(horizon):
            actions[t] = act(seen[t], t)
            control = actions[t].reshape(worlds, 2).double().cpu().numpy()
            positions[t + 1], _ = simulation.step(control)
            seen[t + 1, ..., :2] = _tensor(positions[t + 1], seen[t + 1, ..., :2])
        taken = actions.reshape(horizon, worlds, 2).double().cpu().numpy()
        rewards = _tensor(maze.reward(positions[:-1], taken, positions[1:]), actions[..., 0])
        return _rollout(seen[:-1], actions, rewards, seen[1:])

    def demonstrations(self) -> Rollout:
        """[1, T, E, ...]; their true rewards are those of the observations, which are single precision. Made once."""
        return self._demonstrations

    @cached_property
    def _demonstrations(self) -> Rollout:
        observations, actions, after = (part[0] for part in self.task._demonstrated)
        positions, ends = observations[..., :2].astype(np.float64), after[..., :2].astype(np.float64)
        rewards = self.task.maze.reward(positions, actions.astype(np.float64), ends)
        parts = (observations, actions, rewards, after)
        return _rollout(*(torch.as_tensor(p, dtype=torch.float32, device=self.device)[:, None] for p in parts))


def _tensor(values: np.ndarray, like: Tensor) -> Tensor:
    """`values` as float32 in the shape and on the device of `like`."""
    return torch.as_tensor(values.reshape(like.shape), dtype=torch.float32, device=like.device)


def _rollout(observations: Tensor, actions: Tensor, rewards: Tensor, next_observations: Tensor) -> Rollout:
    """From tensors [T, S, E, ...]: the seeds go in front, and the last step is marked as cut off."""
    parts = [part.transpose(0, 1).contiguous() for part in (observations, actions, rewards, next_observations)]
    terminated = torch.zeros_like(parts[2], dtype=torch.bool)
    truncated = terminated.clone()
    truncated[:, -1] = True
    return Rollout(*parts, terminated, truncated)


def build(name: str, params: Params, scratch: Path) -> Maze:
    return Maze(name, params)
