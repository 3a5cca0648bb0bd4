"""Inverse reinforcement learning in tables

Inverse reinforcement learning where the truth is known: a maze as a table, its reward and its maximum-entropy optimal
policy exact, every score an exact expectation.

The reward is one of the state alone, walls keep in place whoever walks into them (so that a state-only
reward can be told from shaping, Fu et al. 2018), and episodes start in every cell alike.
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
    """flipped: the same rewards between mirrored walls, for re-training. horizon: steps of an episode.

    temperature: of the expert, soft-optimal for `gamma` over an endless horizon.
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
    """drawing: lines of text; next_states [A, N]; reward [N], of the state that is left; cells row by row."""

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
    """maze: this one, with its true reward; transfer: the other one of the pair; start [N]: where episodes begin."""

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
        """The soft-optimal policy of a reward [N] or [N, A] at the expert's discount and temperature."""
        return soft_value_iteration(in_maze.next_states, reward, self.params.gamma, self.params.temperature)

    @cached_property
    def expert(self) -> Solution:
        """Of the true reward in this maze: the policy that demonstrates."""
        return self.solve(self.maze.reward, self.maze)

    def source(self, device: torch.device) -> TabularSource:
        return TabularSource(self, device)

    def probe(self, outputs: PolicyOutputs, draws: Draws) -> Tensor:
        return probe_policy(self.source(torch.device("cpu")), outputs, draws)


class TabularSource:
    """Steps by table look-up; it remembers nothing."""

    def __init__(self, task: Tabular, device: torch.device):
        self.task = task
        self.next_states = torch.as_tensor(task.maze.next_states, device=device)
        self.reward = torch.as_tensor(task.maze.reward, dtype=torch.float32, device=device)

    @torch.no_grad()
    def rollout(self, act: Act, draws: Draws, n_envs: int, name: str = "rollout", stream: str = "env") -> Rollout:
        """Episodes of `horizon` steps from cells drawn alike; none ends sooner, so all are truncated."""
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
        """[1, T, E, ...] by the exact expert, E = n_demonstrations; made once."""
        return self._demonstrations

    @cached_property
    def _demonstrations(self) -> Rollout:
        draws = CounterDraws((0,), "tabular/expert", self.reward.device, lookahead=1)
        act = sampling_act(self.task.expert.policy, draws, "expert")
        return self.rollout(act, draws, self.task.params.n_demonstrations, "demonstrations", "expert")


def sampling_act(policy: np.ndarray, draws: Draws, stream: str) -> Callable[[Tensor, int], Tensor]:
    """An `Act` that draws from a policy [N, A] by inverting its distribution function."""
    edges = torch.as_tensor(policy.cumsum(1)[:, :-1])

    def act(observations: Tensor, t: int) -> Tensor:
        u = draws.uniform(stream, f"action/{t}", observations.shape[1:2])
        above = u.double()[..., None] > edges.to(u.device)[observations.argmax(-1)]
        return _one_hot(above.sum(-1), policy.shape[1])

    return act


def build(name: str, params: Params, scratch: Path) -> Tabular:
    return Tabular(name, params)


def _step(lines: tuple[str, ...], cell: tuple[int, int], move: tuple[int, int]) -> np.ndarray:
    """The cell beyond an opening, or the same one where a wall is."""
    between = 2 * np.array(cell) + 1 + move
    return np.array(cell) + move if lines[between[0]][between[1]] == " " else np.array(cell)


def _mirror(line: str, cells: bool) -> str:
    """Left and right exchanged, but for the cells of a line that has any."""
    flipped = list(line[::-1])
    if cells:
        flipped[1::2] = line[1::2]
    return "".join(flipped)


def _one_hot(indices: Tensor, n: int) -> Tensor:
    return torch.nn.functional.one_hot(indices, n).float()
