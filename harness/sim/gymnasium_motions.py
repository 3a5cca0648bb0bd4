"""Tracking a clip as a Gymnasium environment: gymnasium.make("harness.sim.gymnasium_motions:VDB-MarchFlat-v0").

These are the worlds that the harness trains in, one at a time, for other algorithms and for pictures. The recorded
skills need the package pybullet_data (the extra mocap); marching and squatting need nothing.
"""

from __future__ import annotations

from typing import Any, Literal

import gymnasium
import mujoco
import numpy as np
from gymnasium import spaces

from harness.errors import BenchError
from harness.sim.bodies import CONTROL_RATE, Kind
from harness.sim.characters import CHARACTERS
from harness.sim.drawing import renderer
from harness.sim.following import Following, Rules
from harness.sim.motions import motion
from harness.sim.recordings import recording

LIMIT = 20 * CONTROL_RATE  # control steps of an episode
LARGEST = 1e4  # of an observation: far beyond what any sound state shows
PICTURE = 480, 640  # pixels: height, width


class MotionEnv(gymnasium.Env):
    """A character that tracks a clip; a fall ends the episode.

    The observation is that of `characters`, the action in rad is added to the controllers' targets, and the reward is
    DeepMimic's. `reset` starts at a random time of the clip, or at options["time"] (s).
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": CONTROL_RATE}

    def __init__(
        self,
        clip: str,
        body: Kind = "flat",
        targets: Literal["middle", "clip"] = "middle",
        hands: bool = False,
        rate: int = 240,
        folder: str | None = None,
        render_mode: str | None = None,
    ):
        if render_mode not in (None, "rgb_array"):
            raise BenchError(f"render_mode {render_mode!r} is unknown; known: rgb_array and None")
        self.render_mode = render_mode
        character = CHARACTERS[body](rate)
        rules = Rules(targets, ("foot", "hand") if hands else ("foot",))
        self.worlds = Following(character, motion(recording(clip, folder), character), 1, rules, threads=1)
        self.observation_space = spaces.Box(-LARGEST, LARGEST, (character.observation_size,), np.float64)
        self.action_space = spaces.Box(-np.pi, np.pi, (character.model.nu,), np.float32)
        self._renderer: mujoco.Renderer | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        drawn = self.np_random.uniform(0, self.worlds.motion.length)
        return self.worlds.begin(np.array([float((options or {}).get("time", drawn))]))[0], {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Make one step; info has the mean joint rotation error in rad."""
        observations, fallen = self.worlds.step(np.asarray(action, np.float64)[None])
        down = bool(fallen[0])
        reward = 0.0 if down else float(self.worlds.rewards()[0])
        return observations[0], reward, down, False, {"error": float(self.worlds.errors()[0].mean())}

    def render(self) -> np.ndarray | None:
        """Return a picture from the right side, [height, width, 3] uint8."""
        if self.render_mode is None:
            return None
        model = self.worlds.character.model
        if self._renderer is None:
            self._renderer = renderer(model, *PICTURE)
        data = mujoco.MjData(model)
        data.qpos[:] = self.worlds.poses()[0]
        mujoco.mj_forward(model, data)
        self._renderer.update_scene(data, camera="side")
        return self._renderer.render()

    def close(self) -> None:
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None


FLAT = ("march", "squat", "run", "walk", "jump", "backflip")
FULL = ("run", "walk", "jump", "backflip", "cartwheel", "dance_a", "spinkick")
IDS: dict[str, dict[str, Any]] = {
    **{f"VDB-{clip.title()}Flat-v0": {"clip": clip, "body": "flat"} for clip in FLAT},
    **{
        f"VDB-{clip.split('_')[0].title()}-v0": {"clip": clip, "body": "humanoid", "hands": clip == "cartwheel"}
        for clip in FULL
    },
}


def register() -> None:
    for name, words in IDS.items():
        if name not in gymnasium.registry:
            gymnasium.register(name, f"{__name__}:MotionEnv", max_episode_steps=LIMIT, kwargs=words)


register()
