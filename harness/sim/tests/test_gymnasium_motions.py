"""The Gymnasium side of following a clip: the checker, what a step pays, how an episode ends, a picture."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from harness.errors import BenchError
from harness.sim import gymnasium_motions
from harness.sim.gymnasium_motions import IDS, LIMIT, MotionEnv
from harness.sim.recordings import BUILT_IN, PACKAGE

HERE = [name for name, words in IDS.items() if words["clip"] in BUILT_IN or importlib.util.find_spec(PACKAGE)]


@pytest.mark.parametrize("name", HERE)
def test_the_checker_finds_nothing(name):
    """But for the action's range, +-pi, where it recommends one of +-1."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*symmetric and normalized.*")
        check_env(gymnasium.make(name, disable_env_checker=True).unwrapped, skip_render_check=True)


def test_on_the_clip_a_step_pays_nearly_one_and_a_fall_ends_it():
    env = gymnasium.make("harness.sim.gymnasium_motions:VDB-SquatFlat-v0", targets="clip")
    observation, _ = env.reset(seed=0, options={"time": 0.4})
    assert observation[-2:] == pytest.approx([0.0, 1.0], abs=1e-9)  # a quarter of 1.6 s
    _, reward, terminated, truncated, info = env.step(np.zeros(12))
    assert reward > 0.9 and info["error"] < 0.1 and not terminated and not truncated
    env.reset(seed=0)
    for _ in range(60):
        _, reward, terminated, _, _ = env.step(np.full(12, 1.5, np.float32))
        if terminated:
            break
    assert terminated and reward == 0.0


def test_the_time_of_a_reset_is_drawn_by_the_seed():
    env = MotionEnv("march")
    first, second, other = (env.reset(seed=seed)[0] for seed in (1, 1, 2))
    assert (first == second).all() and (first != other).any()
    assert gymnasium.spec("VDB-MarchFlat-v0").max_episode_steps == LIMIT == 600


def test_what_cannot_be_shown_is_said():
    with pytest.raises(BenchError, match="render_mode 'human' is unknown"):
        MotionEnv("march", render_mode="human")
    with pytest.raises(BenchError, match="clip"):
        MotionEnv("no such clip")
    assert MotionEnv("march").render() is None and gymnasium_motions.IDS["VDB-Cartwheel-v0"]["hands"]


def test_a_picture_shows_the_body():
    """In a process of its own, as the library of OpenGL is chosen before MuJoCo is imported."""
    code = (
        "from harness.sim.gymnasium_motions import MotionEnv\n"
        "env = MotionEnv('march', render_mode='rgb_array'); env.reset(seed=0); picture = env.render(); env.close()\n"
        "assert picture.shape == (480, 640, 3) and picture.std() > 5"
    )
    made = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"MUJOCO_GL": "osmesa"}, capture_output=True, text=True
    )
    if made.returncode and "AssertionError" not in made.stderr:
        pytest.skip(f"no OpenGL here: {made.stderr.strip()[-200:]}")
    assert made.returncode == 0, made.stderr
