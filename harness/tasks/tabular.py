"""Inverse reinforcement learning in tables

Inverse reinforcement learning where the truth is known: the maze is a table, its maximum-entropy optimal policy is
exact, and every score is an exact expectation.

The reward depends on the state alone. A wall keeps whoever walks into it in place, so that a state-only reward can be
separated from shaping (Fu et al. 2018). Episodes start in all cells with equal probability.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from harness.contracts import Act, Draws, PolicyOutputs, Rollout, Task, TaskSpec
from harness.maths.soft_mdp import Solution, soft_value_iteration
from harness.run.params import TaskParams, digest
from harness.run.seeds import CounterDraws
from harness.tasks.acting import probe_policy

metrics = ("tabular",)
writes = ("artefacts",)  # and panels, where a method learns a reward

REWARDS = {" ": 0.0, "G": 1.0, "g": 0.5, "x": -0.5, "X": -1.0}
MOVES = {"up": (-1, 0), "right": (0, 1), "down": (1, 0), "left": (0, -1)}

# Cells at the odd rows and columns, walls and openings between them. Of each maze the mirror image of its
# walls asks for another way from the lower half to the goal.
LAYOUTS = {
    "corridor": """
+-+-+-+-+-+
|        G|
+ + + + + +
|x     X  |
+ +-+-+-+-+
|      X  |
+ + + + + +
|  x  |   |
+ + + + + +
|    g|   |
+-+-+-+-+-+
""",
    "rooms": """
+-+-+-+-+-+-+
|     |    G|
+ + + + + + +
|      x    |
+ +-+-+-+-+-+
|  X  |  x  |
+ + + + + + +
|          X|
+-+-+ +-+-+ +
|     |     |
+ + + + + + +
|g   x|     |
+-+-+-+-+-+-+
""",
}


class Params(TaskParams):
    """The parameters of the task.

    flipped: whether the walls are mirrored while the rewards stay, for re-training.
    gamma: the discount.
    temperature: the temperature of the expert, which is soft-optimal for `gamma` over an infinite horizon.
    horizon: the steps of an episode.
    """

    family: Literal["tabular"]
    layout: Literal["corridor", "rooms"]
    flipped: bool = False
    gamma: float = Field(0.9, ge=0, lt=1)
    temperature: float = Field(0.5, gt=0)
    horizon: int = Field(50, ge=1)
    n_demonstrations: int = Field(500, ge=1)


@dataclass(frozen=True)
class GridMaze:
    """A maze as a table; cells are numbered row by row.

    drawing: lines of text.
    next_states: [A, N].
    reward: [N], a function of the state that is left.
    """

    drawing: tuple[str, ...]
    shape: tuple[int, int]
    next_states: np.ndarray
    reward: np.ndarray


def maze(layout: str, flipped: bool = False) -> GridMaze:
    lines = tuple(LAYOUTS[layout].strip("\n").split("\n"))
    if flipped:
        lines = tuple(_mirror(line, cells=row % 2 == 1) for row, line in enumerate(lines))
    height, width = len(lines) // 2, len(lines[0]) // 2
    cells = [(row, column) for row in range(height) for column in range(width)]
    next_states = np.array([[_step(lines, cell, move) @ (width, 1) for cell in cells] for move in MOVES.values()])
    reward = np.array([REWARDS[lines[2 * row + 1][2 * column + 1]] for row, column in cells])
    return GridMaze(lines, (height, width), next_states, reward)


class Tabular(Task):
    """The task of inverse reinforcement learning in a tabular maze.

    maze: the maze with its true reward.
    transfer: the other maze of the pair.
    start: [N], the probabilities of the first state.
    """

    family = "tabular"
    metrics, writes, outputs = metrics, writes, PolicyOutputs

    def __init__(self, name: str, params: Params):
        self.name, self.params = name, params
        self.maze = maze(params.layout, params.flipped)
        self.transfer = maze(params.layout, not params.flipped)
        n = len(self.maze.reward)
        self.start = np.full(n, 1 / n)
        self.spec = TaskSpec(self.family, (n,), params.steps, n_actions=len(MOVES), horizon=params.horizon)
        self.data_hash = digest([
            "tabular maze",
            self.maze.drawing,
            REWARDS,
            params.gamma,
            params.temperature,
            params.horizon,
            params.n_demonstrations,
        ])

    def solve(self, reward: np.ndarray, in_maze: GridMaze) -> Solution:
        """Return the soft-optimal policy for a reward [N] or [N, A] at the expert's discount and temperature."""
        return soft_value_iteration(in_maze.next_states, reward, self.params.gamma, self.params.temperature)

    @cached_property
    def expert(self) -> Solution:
        """The solution for the true reward in this maze, whose policy demonstrates."""
        return self.solve(self.maze.reward, self.maze)

    def source(self, device: torch.device) -> TabularSource:
        return TabularSource(self, device)

    def probe(self, outputs: PolicyOutputs, draws: Draws) -> Tensor:
        return probe_policy(self.source(torch.device("cpu")), outputs, draws)


class TabularSource:
    """Make steps by table look-up; it has no state."""

    def __init__(self, task: Tabular, device: torch.device):
        self.task = task
        self.next_states = torch.as_tensor(task.maze.next_states, device=device)
        self.reward = torch.as_tensor(task.maze.reward, dtype=torch.float32, device=device)

    @torch.no_grad()
    def rollout(self, act: Act, draws: Draws, n_envs: int, name: str = "rollout", stream: str = "env") -> Rollout:
        """Return episodes of `horizon` steps from uniformly drawn cells. None ends earlier, so all are truncated."""
        n = len(self.reward)
        states = [draws.integers(stream, f"{name}/reset", (n_envs,), n)]
        actions = []
        for t in range(self.task.params.horizon):
            actions.append(act(_one_hot(states[-1], n), t))
            states.append(self.next_states[actions[-1].argmax(-1), states[-1]])
        path = torch.stack(states, 1)  # [S, T + 1, E]
        observations, ends = _one_hot(path, n), torch.zeros_like(path[:, 1:], dtype=torch.bool)
        truncated = ends.clone()
        truncated[:, -1] = True
        rewards = self.reward[path[:, :-1]]
        return Rollout(observations[:, :-1], torch.stack(actions, 1), rewards, observations[:, 1:], ends, truncated)

    def demonstrations(self) -> Rollout:
        """Return E = n_demonstrations episodes [1, T, E, ...] of the exact expert. They are computed once."""
        return self._demonstrations

    @cached_property
    def _demonstrations(self) -> Rollout:
        draws = CounterDraws((0,), "tabular/expert", self.reward.device, lookahead=1)
        act = sampling_act(self.task.expert.policy, draws, "expert")
        return self.rollout(act, draws, self.task.params.n_demonstrations, "demonstrations", "expert")


def sampling_act(policy: np.ndarray, draws: Draws, stream: str) -> Callable[[Tensor, int], Tensor]:
    """Return an `Act` that samples from a policy [N, A] by inverting its distribution function."""
    edges = torch.as_tensor(policy.cumsum(1)[:, :-1])

    def act(observations: Tensor, t: int) -> Tensor:
        u = draws.uniform(stream, f"action/{t}", observations.shape[1:2])
        above = u.double()[..., None] > edges.to(u.device)[observations.argmax(-1)]
        return _one_hot(above.sum(-1), policy.shape[1])

    return act


def build(name: str, params: Params, scratch: Path) -> Tabular:
    return Tabular(name, params)


def _step(lines: tuple[str, ...], cell: tuple[int, int], move: tuple[int, int]) -> np.ndarray:
    """Return the cell behind an opening, or the same cell if there is a wall."""
    between = 2 * np.array(cell) + 1 + move
    return np.array(cell) + move if lines[between[0]][between[1]] == " " else np.array(cell)


def _mirror(line: str, cells: bool) -> str:
    """Mirror a line, except for its cells if it has any."""
    flipped = list(line[::-1])
    if cells:
        flipped[1::2] = line[1::2]
    return "".join(flipped)


def _one_hot(indices: Tensor, n: int) -> Tensor:
    return torch.nn.functional.one_hot(indices, n).float()
