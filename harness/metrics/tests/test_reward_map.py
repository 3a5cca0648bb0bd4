"""The reward's map: measures of rewards whose slope, spread and peak are known."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from harness.metrics import reward_map
from harness.metrics.evaluation import Evaluation
from harness.run.seeds import CounterDraws
from harness.tasks import maze

FLIPPED = (False, True)


def evaluation(reward, kind="c", flipped=False, seeds=(0, 1)):
    params = maze.Params(family="maze", maze=kind, flipped=flipped, seeds=seeds, steps=1)
    outputs = SimpleNamespace(reward=reward) if reward else SimpleNamespace()
    return Evaluation(maze.build("m", params, None), outputs, CounterDraws(seeds, "t").at(0))


def values(reward, **where):
    return {name: score.values for name, score in reward_map.compute(evaluation(reward, **where)).items()}


def test_a_plane_has_its_slope_everywhere():
    """g = 3x + 4y: |dg/dx| = 5; ten times the reward is ten times as steep and just as rough."""
    slopes = torch.tensor([[3.0, 4.0, 0.0], [30.0, 40.0, 0.0]])
    found = values(lambda o, a: torch.einsum("sbo,so->sb", o, slopes))
    np.testing.assert_allclose(found["reward_gradient"], [5, 50], rtol=1e-4)
    np.testing.assert_allclose(*found["reward_roughness"], rtol=1e-4)


@pytest.mark.parametrize("kind", ["c", "s"])
@pytest.mark.parametrize("flipped", FLIPPED)
def test_the_true_reward_correlates_with_itself_and_peaks_at_the_target(kind, flipped):
    m = evaluation(None, kind, flipped).task.maze

    def true(o, a):
        p = o[..., :2].double().numpy()
        return torch.as_tensor(m.reward(p, np.zeros_like(p), p))

    found = values(true, kind=kind, flipped=flipped)
    # The S-maze steps at a distance: a point on the edge may fall on the other side in single precision.
    np.testing.assert_allclose(found["reward_correlation"], 1, atol=1e-6 if kind == "c" else 0.02)
    assert (found["reward_peak_to_target"] <= (0.02 if kind == "c" else 0.1)).all()


def test_a_constant_or_broken_reward_counts_as_the_floor():
    def reward(o, a):
        return torch.stack([torch.full_like(o[0, :, 0], 2.0), torch.full_like(o[0, :, 0], torch.nan)])

    scores = reward_map.compute(evaluation(reward))
    for name, score in scores.items():
        np.testing.assert_allclose(score.values, score.floor, err_msg=name)


def test_the_map_lists_the_room_row_by_row_and_no_reward_has_none():
    ev = evaluation(lambda o, a: o[..., 0] + 10 * o[..., 1])
    ((_, index, y),) = reward_map.panels(ev)
    xs, ys = reward_map.grid(ev.task.maze)
    assert len(index) == len(xs) * len(ys) == y.shape[1]
    np.testing.assert_allclose(y[0].reshape(len(ys), len(xs))[2, 3], xs[3] + 10 * ys[2], rtol=1e-5)
    assert reward_map.compute(evaluation(None)) == {} and reward_map.panels(evaluation(None)) == []
