"""The mazes as Gymnasium environments: gymnasium.make("harness.sim.gymnasium_mazes:VDB-CMaze-v0").

The harness itself trains on the batched worlds of `Threads` and `FreeFlight`. These environments step the same models
one at a time. They are meant for other algorithms and for pictures, and serve as the reference for the batched worlds.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import gymnasium
import mujoco
import numpy as np
from gymnasium import spaces
from PIL import Image

from harness.errors import BenchError
from harness.sim.drawing import renderer
from harness.sim.mazes import BALL_RADIUS, CONTROL_PERIOD, HORIZON, RESET_SPEED, ContinuousMaze

PICTURE_HEIGHT = 480  # pixels


class MazeEnv(gymnasium.Env):
    """A maze. The observation is (x, y, 0) of the ball, the action is the force on it, and only the time limit ends an
    episode.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": round(1 / CONTROL_PERIOD)}

    def __init__(self, kind: Literal["c", "s"], flipped: bool = False, render_mode: str | None = None):
        if render_mode not in (None, "rgb_array"):
            raise BenchError(f"render_mode {render_mode!r} is unknown; known: rgb_array and None")
        self.maze, self.render_mode = ContinuousMaze(kind, flipped), render_mode
        self.model = self.maze.model()
        self.data = mujoco.MjData(self.model)
        x0, y0, x1, y1 = self.maze.room
        low, high = np.array([x0, y0, -BALL_RADIUS]), np.array([x1, y1, BALL_RADIUS])
        self.observation_space = spaces.Box(low, high, dtype=np.float64)
        self.action_space = spaces.Box(-self.maze.force, self.maze.force, (2,), np.float32)
        self._renderer: mujoco.Renderer | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.set_state(np.array(self.maze.start), self.np_random.uniform(-RESET_SPEED, RESET_SPEED, 2))
        return self._observation(), {}

    def set_state(self, qpos: np.ndarray, qvel: np.ndarray) -> None:
        """Set position and velocity [2], at time 0."""
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:], self.data.qvel[:] = qpos, qvel
        mujoco.mj_forward(self.model, self.data)

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Make one step. The reward uses the action as given; the motors clip it to their range."""
        action = np.asarray(action, np.float64)
        before = self.data.qpos.copy()
        self.data.ctrl[:] = action
        mujoco.mj_step(self.model, self.data, nstep=self.maze.frame_skip)
        reward = float(self.maze.reward(before, action, self.data.qpos))
        return self._observation(), reward, False, False, {}

    def _observation(self) -> np.ndarray:
        return np.append(self.data.qpos, 0.0)

    def render(self) -> np.ndarray | None:
        """Return a picture from above, [height, width, 3] uint8."""
        if self.render_mode is None:
            return None
        if self._renderer is None:
            x0, y0, x1, y1 = self.maze.room
            width = 2 * round(PICTURE_HEIGHT * (x1 - x0 + 0.2) / (y1 - y0 + 0.2) / 2)
            self._renderer = renderer(self.model, PICTURE_HEIGHT, width)
        self._renderer.update_scene(self.data, camera="top")
        return self._renderer.render()

    def close(self) -> None:
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None


def record(env: gymnasium.Env, act: Callable[[np.ndarray], np.ndarray], path: Path, seed: int = 0) -> float:
    """Record one episode as a GIF at `path` and return its return. `env` must have render_mode="rgb_array"."""
    observation, _ = env.reset(seed=seed)
    frames, total, over = [env.render()], 0.0, False
    while not over:
        observation, reward, terminated, truncated, _ = env.step(act(observation))
        frames.append(env.render())
        total += float(reward)
        over = terminated or truncated
    first, *rest = [Image.fromarray(frame) for frame in frames]
    first.save(path, save_all=True, append_images=rest, duration=round(1000 * CONTROL_PERIOD), loop=0)
    return total


IDS = {
    "VDB-CMaze-v0": {"kind": "c", "flipped": False},
    "VDB-CMazeFlipped-v0": {"kind": "c", "flipped": True},
    "VDB-SMaze-v0": {"kind": "s", "flipped": False},
    "VDB-SMazeFlipped-v0": {"kind": "s", "flipped": True},
}


def register() -> None:
    for name, maze in IDS.items():
        if name not in gymnasium.registry:
            gymnasium.register(name, f"{__name__}:MazeEnv", max_episode_steps=HORIZON, kwargs=maze)


register()
