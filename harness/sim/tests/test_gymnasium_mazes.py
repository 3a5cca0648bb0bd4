"""The Gymnasium side: the checker, the time limit, the raw action's price, pictures."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from PIL import Image

from harness.errors import BenchError
from harness.sim import gymnasium_mazes
from harness.sim.gymnasium_mazes import IDS, MazeEnv, record

EACH = pytest.mark.parametrize("name", IDS)


@EACH
def test_the_checker_finds_nothing(name):
    """But for the forces of the S-maze, +-5 N as published, where it recommends a range of +-1."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if "SMaze" in name:
            warnings.filterwarnings("ignore", message=".*symmetric and normalized.*")
        check_env(gymnasium.make(name, disable_env_checker=True).unwrapped, skip_render_check=True)


@EACH
def test_made_by_module_and_name_and_truncated_never_terminated(name):
    env = gymnasium.make(f"harness.sim.gymnasium_mazes:{name}")
    observation, _ = env.reset(seed=0)
    maze = env.unwrapped.maze
    assert observation.tolist() == [*maze.start, 0]
    assert maze.flipped == ("Flipped" in name) and maze.kind == name[4].lower()
    assert (np.abs(env.unwrapped.data.qvel) < 0.01).all() and env.unwrapped.data.qvel.any()
    for t in range(100):
        observation, _, terminated, truncated, _ = env.step(env.action_space.sample())
        assert not terminated and truncated == (t == 99)
        assert observation in env.observation_space


def test_the_reward_takes_the_raw_action_and_the_motors_the_clipped_one():
    ends, rewards = [], []
    for push in (1.0, 7.0):
        env = MazeEnv("c")
        env.reset(seed=1)
        observation, reward, *_ = env.step(np.array([push, 0.0]))
        ends.append(observation)
        rewards.append(reward)
    assert (ends[0] == ends[1]).all()
    assert rewards[0] - rewards[1] == pytest.approx(0.001 * (49 - 1))
    assert rewards[0] == pytest.approx(-0.5 - 0.001)  # the start's distance to the target, not the next place's


def test_importing_it_again_registers_nothing_twice():
    gymnasium_mazes.register()
    assert set(IDS) <= set(gymnasium.registry)


def test_a_wrong_render_mode_is_one_line():
    with pytest.raises(BenchError, match="rgb_array"):
        MazeEnv("c", render_mode="human")
    assert MazeEnv("c").render() is None


def test_no_opengl_is_one_line(monkeypatch):
    def fails(*_):
        raise RuntimeError("no\n display")

    monkeypatch.setattr(gymnasium_mazes.mujoco, "Renderer", fails)
    env = MazeEnv("c", render_mode="rgb_array")
    env.reset(seed=0)
    with pytest.raises(BenchError, match=r"\(no display\).*MUJOCO_GL=egl") as error:
        env.render()
    assert "\n" not in str(error.value)


DRAWS = """
import pathlib, sys
import gymnasium, numpy as np
from harness.errors import BenchError
from harness.sim.gymnasium_mazes import record
env = gymnasium.make("VDB-CMaze-v0", render_mode="rgb_array", max_episode_steps=4)
try:
    print(record(env, lambda o: np.zeros(2), pathlib.Path(sys.argv[1])))
    env.close()
except BenchError as error:
    print(error)
    sys.exit(3)
"""


def test_an_episode_as_a_gif(tmp_path):
    path = tmp_path / "episode.gif"
    command, variables = [sys.executable, "-c", DRAWS, str(path)], os.environ | {"MUJOCO_GL": "egl"}
    done = subprocess.run(command, capture_output=True, text=True, env=variables, check=False)
    if done.returncode:
        pytest.skip(f"no OpenGL here: {(done.stdout + done.stderr).strip()[-200:]}")
    assert float(done.stdout) == pytest.approx(4 * -0.5, abs=0.01)
    with Image.open(path) as image:
        frame = np.asarray(image.convert("RGB")).astype(int)
    assert image.size == (480, 480)
    row, column = (np.array([0.6 + 0.1 - 0.5, 0.3 + 0.1 + 0.1]) / 0.9 * 480).astype(int)  # where the target is
    assert frame.max() > 100 and frame[row, column, 0] > frame[row, column, 2] + 50


def test_record_returns_the_true_return(tmp_path, monkeypatch):
    monkeypatch.setattr(MazeEnv, "render", lambda self: np.zeros((4, 4, 3), np.uint8))
    env = gymnasium.make("VDB-CMaze-v0", render_mode="rgb_array")
    assert record(env, lambda o: np.zeros(2), tmp_path / "zero.gif") == pytest.approx(-50.0, abs=0.2)
