"""Simulate the mazes faster: a closed form for balls that touch nothing, and MuJoCo for the others.

MuJoCo's Euler step with implicit damping d is v' = v + h (f - d v) / (m + h d), x' = x + h v'. Under a constant force f
all positions and velocities of a control step are therefore linear in (x, v, f). A step detects contacts before it
moves. If no position from which a step starts is near a wall, the closed form equals MuJoCo's result up to rounding
(about 1e-15).
"""

from __future__ import annotations

import numpy as np

from harness.sim.mazes import BALL_RADIUS, DAMPING, MARGIN, WALL_RADIUS, ContinuousMaze
from harness.sim.threads import Threads

REACH = BALL_RADIUS + WALL_RADIUS + 2 * MARGIN  # m from a wall's axis: no contact beyond, as either geom has a margin
POSITION, VELOCITY = slice(1, 3), slice(3, 5)  # in the full state, after the time


class FreeFlight:
    """Worlds of one maze, with the interface and the full state of `Threads`."""

    device = None  # arrays are numpy's

    def __init__(self, maze: ContinuousMaze, n: int, threads: int | None = None):
        model = maze.model()
        self.n, self.frame_skip = n, maze.frame_skip
        self._mujoco = Threads(model, n, maze.frame_skip, threads)
        self._state = self._mujoco.full_state()
        self._force = maze.force
        self._period = maze.frame_skip * maze.timestep
        h, mass = maze.timestep, float(model.body("ball").mass[0])
        # Rows: after 0..frame_skip steps. v_j = decay_j v + gain_j f, x_j = x + carry_j v + push_j f.
        self._decay = (mass / (mass + h * DAMPING)) ** np.arange(maze.frame_skip + 1)
        self._gain = (1 - self._decay) / DAMPING
        self._carry = h * (np.cumsum(self._decay) - 1)
        self._push = h * np.cumsum(self._gain)
        walls = np.array(maze.walls)
        low, high = np.minimum(walls[:, :2], walls[:, 2:]), np.maximum(walls[:, :2], walls[:, 2:])
        self._low, self._high = (low - REACH)[:, None], (high + REACH)[:, None]  # [walls, 1, 2]

    def set_state(self, qpos: np.ndarray, qvel: np.ndarray) -> None:
        self._state[:] = 0
        self._state[:, POSITION], self._state[:, VELOCITY] = qpos, qvel

    def step(self, control: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return position and velocity [n, 2] after one control step under control [n, 2]."""
        force = np.nan_to_num(control, nan=0.0, posinf=0.0, neginf=0.0).clip(-self._force, self._force)
        x, v = self._state[:, POSITION], self._state[:, VELOCITY]
        starts = x + self._carry[:-1, None, None] * v + self._push[:-1, None, None] * force  # [frame_skip, n, 2]
        low, high = starts.min(0), starts.max(0)
        near = np.flatnonzero(((high > self._low) & (low < self._high)).all(-1).any(0))
        touched = self._mujoco.advance(self._state[near], control[near]) if len(near) else self._state[near]
        x += self._carry[-1] * v + self._push[-1] * force
        v *= self._decay[-1]
        v += self._gain[-1] * force
        self._state[:, 0] += self._period
        self._state[near] = touched
        return x.copy(), v.copy()

    def full_state(self) -> np.ndarray:
        """Return time, position and velocity, [n, 5]."""
        return self._state.copy()

    def load_full_state(self, state: np.ndarray) -> None:
        self._state[:] = state
