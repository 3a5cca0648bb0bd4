"""Clip and policies side by side: a policy that does nothing falls, is dimmed, and the file says what it shows."""

import json
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from harness.cli import main
from harness.errors import BenchError
from harness.registry import ROOT
from harness.report.figures.films import FILM
from harness.tasks import mocap
from harness.workspace import film

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
    up = film._clip(task, SECONDS)
    fallen = film._policy(task, Still(task.spec.action_size), SECONDS)
    assert up.shape == fallen.shape == (30, film.SIDE, film.SIDE)
    assert np.array_equal(up[0], fallen[0]), "both begin in the clip's first state"
    assert up[-1].max() > 0.99 and 0 < fallen[-1].max() <= film.DIM


def test_the_file_moves_without_end_and_says_what_it_shows():
    frames = np.linspace(0, 1, 5)[:, None, None] * np.ones((1, 4, 6))
    content = film.animated(frames, {"seconds": 1.0})
    with Image.open(BytesIO(content)) as image:
        assert (image.n_frames, image.size, image.info["loop"]) == (5, (6, 4), 0)
        assert image.info["duration"] == pytest.approx(1000 / 15) and json.loads(image.text[FILM]) == {"seconds": 1.0}
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
    monkeypatch.setattr(film, "_trained", lambda root, cell, seed: (object(), None))
    with pytest.raises(BenchError, match="t follows no clip"):
        film.film(tmp_path, [cell], tmp_path / FILM)


def test_a_cell_that_is_not_trained_here_is_told_in_one_line(tmp_path, capsys):
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    assert main(["--root", str(tmp_path), "film", "march", "vail"]) == 2
    assert "artefacts.npz is missing: run `bench train march_expert true_reward` first" in capsys.readouterr().err
