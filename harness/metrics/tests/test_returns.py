"""Returns of hand-written policies."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.metrics.evaluate import evaluate
from harness.run.seeds import CounterDraws
from harness.tasks.maze import Params, build


class Steady:
    """A constant push for each seed, and noise upon it."""

    def __init__(self, pushes, spread=0.0):
        self.pushes, self.spread = torch.tensor(pushes), spread

    def noise(self, draws, shape, name, stream="latent"):
        assert stream == "eval"
        return draws.normal(stream, name, (*shape, 2))

    def act(self, observations, noise=None):
        assert noise is None or noise.shape == (*observations.shape[:2], 2)
        pushes = self.pushes[:, None].expand(-1, observations.shape[1], -1)
        return pushes if noise is None else pushes + self.spread * noise


def task(maze="c", **words):
    return build(
        "room", Params(family="maze", maze=maze, seeds=(0, 1), steps=10, score={"n_episodes": 3}, **words), None
    )


def scored(room, outputs):
    return evaluate(room, outputs, CounterDraws(range(len(outputs.pushes)), "test", lookahead=1))


def test_pushes_in_the_c_maze():
    found = scored(task(), Steady([[0.0, 0.0], [0.0, 1.0], [-1.0, 0.5]]))
    scores = found.scores
    assert set(scores) == {"return", "return_mode", "return_flipped", "final_distance", "stuck"}
    assert [name for name, score in scores.items() if score.headline] == ["return"]
    np.testing.assert_allclose(scores["return"].values[:2], [-50.0, -26.2], atol=0.4)
    np.testing.assert_allclose(scores["return"].values, scores["return_mode"].values)
    assert scores["stuck"].values.tolist() == [1, 1, 0]  # the third goes up at the wall, through the gap
    np.testing.assert_allclose(scores["final_distance"].values, [0.5, 0.25, np.hypot(0.351, 0.051)], atol=0.01)
    # Under the flipped barrier the third is caught.
    assert scores["return_flipped"].values[2] < scores["return"].values[2] - 5
    assert scores["return"].higher_is_better and not scores["stuck"].higher_is_better
    assert scores["return"].floor == pytest.approx(-100 * np.hypot(0.4, 0.6))
    assert scores["final_distance"].floor == pytest.approx(np.hypot(0.4, 0.6))
    panels = {name: (x, y) for name, x, y in found.panels}
    (time, x), (_, y) = panels["path x"], panels["path y"]
    assert time[0] == 0 and time[-1] == 5.0 and x.shape == y.shape == (3, len(time))
    np.testing.assert_allclose(np.hypot(x[:, -1] - 0.3, y[:, -1] - 0.5), scores["final_distance"].values, atol=1e-6)
    ends = np.stack([panels["walls"][0], panels["walls"][1][0]], -1).reshape(-1, 4)
    assert ends.tolist() == [list(wall) for wall in task().maze.walls]


def test_the_mode_is_without_noise_and_the_return_with_it():
    scores = scored(task(horizon=20), Steady([[0.0, 0.0]] * 2, spread=100.0)).scores
    np.testing.assert_allclose(scores["return_mode"].values, -10.0, atol=0.05)
    cost = 20 * 0.001 * 2 * 100**2  # of the raw actions, E |a|^2 = 2 * 100^2
    np.testing.assert_allclose(scores["return"].values, -cost - 10, rtol=0.4)


def test_what_only_some_mazes_have():
    assert set(scored(task(flipped=True, horizon=5), Steady([[0.0, 0.0]])).scores) == {
        "return",
        "return_mode",
        "final_distance",
        "stuck",
    }
    scores = scored(task("s", horizon=5), Steady([[0.0, 1.0]])).scores
    assert set(scores) == {"return", "return_mode", "return_flipped", "final_distance"}
    assert scores["return"].values[0] == pytest.approx(scores["return_flipped"].values[0], abs=1e-3)
    assert scores["return"].floor == pytest.approx(-0.42, abs=5e-3)


def test_a_broken_seed_counts_at_the_floor_and_the_others_as_without_it():
    for maze in "cs":
        found = scored(task(maze, horizon=5), Steady([[0.0, 0.0], [float("nan"), 0.0]])).scores
        alone = scored(task(maze, horizon=5), Steady([[0.0, 0.0]])).scores
        for name, score in found.items():
            assert score.values[1] == score.floor
            assert score.values[0] == alone[name].values[0] and (score.values[0] != score.floor or name == "stuck")


def test_the_manifest_names_task_and_episodes():
    small = scored(task(horizon=5), Steady([[0.0, 0.0]]))
    other = scored(task(horizon=6), Steady([[0.0, 0.0]]))
    assert small.scores["return"].manifest["n_episodes"] == 3
    assert small.manifest_ids["return"] != other.manifest_ids["return"]
