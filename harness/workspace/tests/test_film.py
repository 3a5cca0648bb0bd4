"""Policies side by side: one that does nothing falls and is dimmed, and the file says what it shows."""

import json
import os
import subprocess
import sys
from ctypes.util import find_library
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from harness.cli import main
from harness.commands.film import SCREENS
from harness.errors import BenchError
from harness.registry import ROOT
from harness.report.figures.films import FILM
from harness.sim.robots import ROBOTS
from harness.tasks import locomotion, mocap
from harness.workspace import clip_film, film, robot_film

WORDS = {"family": "mocap", "clip": "march", "termination": "restart", "rate": 120, "seeds": (0,), "steps": 1}
SECONDS = 2.0


class Still:
    """A method whose actions are zero."""

    def __init__(self, size: int):
        self.size = size

    def outputs(self):
        return self

    def act(self, observations: torch.Tensor) -> torch.Tensor:
        return torch.zeros(*observations.shape[:-1], self.size)


@pytest.fixture(scope="module")
def task() -> mocap.Mocap:
    return mocap.build("march", mocap.Params(**WORDS, block=1, evaluations=1, score={"n_episodes": 1}), None)


def test_what_falls_is_dimmed(task):
    up = clip_film.clip(task, SECONDS)
    fallen = clip_film.policy(task, Still(task.spec.action_size), SECONDS)
    assert up.shape == fallen.shape == (30, clip_film.SIDE, clip_film.SIDE, 3)
    assert np.array_equal(up[0], fallen[0]), "both begin in the clip's first state"
    assert up[-1].max() > 250 and 0 < fallen[-1].max() <= 255 * (clip_film.DIM + 1 / clip_film.SHADES)


def robots(name: str, **changes) -> locomotion.Locomotion:
    words = {"family": "locomotion", "robot": name, "seeds": (0,), "steps": 1, "block": 1, "evaluations": 1}
    return locomotion.build("robots", locomotion.Params(**words, **changes), None)


def test_a_robot_that_falls_is_dimmed_until_the_next_episode_begins():
    task = robots("Hopper-v5", horizon=150)
    states = list(robot_film._states(task, Still(3), 300))
    down = [fallen for _, fallen in states]
    assert not down[0] and down[149] and not down[150] and down[299]
    assert not np.array_equal(states[0][0], states[150][0]), "the next episode has another start"
    again = list(robot_film._states(task, Still(3), 1))
    assert np.array_equal(states[0][0], again[0][0]), "every policy has the same starts"


DRAWS = """
import json
from harness.commands.film import choose_renderer
choose_renderer()
import numpy as np
from harness.sim.robots import ROBOTS
from harness.workspace import robot_film
from harness.workspace.tests.test_film import Still, robots
shown = {}
for name in sorted(ROBOTS):
    task = robots(name)
    frames = robot_film.policy(task, Still(task.spec.action_size), 0.25)
    shown[name] = [frames.shape, len(np.unique(frames[0].reshape(-1, 3), axis=0))]
print(json.dumps(shown))
"""


@pytest.mark.skipif(not find_library("OSMesa"), reason="needs libOSMesa")
def test_every_robot_is_drawn_without_a_screen():
    # A process of its own, because MuJoCo chooses its renderer when it is imported.
    variables = {name: value for name, value in os.environ.items() if name not in SCREENS}
    done = subprocess.run([sys.executable, "-c", DRAWS], env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown.keys() == ROBOTS.keys()
    for shape, colours in shown.values():
        assert shape[1:] == [robot_film.SIDE, robot_film.SIDE, 3] and colours > 8, "more than the background"


def test_the_file_moves_without_end_and_says_what_it_shows():
    frames = (np.linspace(0, 15, 5).round()[:, None, None, None] * 17 * np.ones((1, 4, 6, 3))).astype(np.uint8)
    content = film.animated(frames, {"seconds": 1.0}, 15)
    with Image.open(BytesIO(content)) as image:
        assert (image.n_frames, image.size, image.info["loop"]) == (5, (6, 4), 0)
        assert image.info["duration"] == pytest.approx(1000 / 15) and json.loads(image.info[FILM]) == {"seconds": 1.0}
        shown = []
        for k in range(5):
            image.seek(k)
            shown.append(np.asarray(image.convert("L"))[0, 0])
    assert np.allclose(shown, np.round(np.linspace(0, 15, 5)) * 17)


def test_a_cell_whose_film_is_too_large_or_whose_task_has_no_clip(task, monkeypatch, tmp_path):
    cell = type("Cell", (), {"task": "t", "name": "c", "seeds": (4,)})()
    monkeypatch.setattr(film, "keys_of", lambda root, cell: type("Keys", (), {"training": "k"}))
    monkeypatch.setattr(film, "_trained", lambda root, cell, seed: (task, Still(task.spec.action_size)))
    assert film.film(tmp_path, [cell], tmp_path / FILM, seconds=0.5) == (tmp_path / FILM).stat().st_size
    monkeypatch.setattr(film, "MOST", 100)
    with pytest.raises(BenchError, match="bytes of at most 100: give fewer cells"):
        film.film(tmp_path, [cell], tmp_path / "large.png", seconds=0.5)
    assert not (tmp_path / "large.png").exists()
    other = robots("Hopper-v5")
    other.robot = object()  # as that of any environment of Gymnasium, which has no model of MuJoCo
    for strange in (object(), other):
        monkeypatch.setattr(film, "_trained", lambda root, cell, seed, strange=strange: (strange, None))
        with pytest.raises(BenchError, match="t moves neither a robot of MuJoCo nor a figure"):
            film.film(tmp_path, [cell], tmp_path / FILM)


def test_a_cell_that_is_not_trained_here_is_told_in_one_line(tmp_path, capsys):
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    assert main(["--root", str(tmp_path), "film", "march", "vail"]) == 2
    assert "artefacts.npz is missing: run `bench train march_expert true_reward` first" in capsys.readouterr().err
