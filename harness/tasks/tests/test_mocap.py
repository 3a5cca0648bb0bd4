"""Following a clip as a task: rollouts, how episodes begin and end, kept worlds, demonstrations, the score."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.contracts import BenchError
from harness.metrics import motion
from harness.metrics.evaluation import Evaluation
from harness.run.seeds import CounterDraws
from harness.sim.following import STEP
from harness.tasks.mocap import Params, build

CPU = torch.device("cpu")
EACH = pytest.mark.parametrize("body", ["flat", "humanoid"])


def task(**words):
    words = {"clip": "march", "termination": "restart", "horizon": 20, "rate": 120, "score": {"seconds": 1.0}} | words
    return build("march", Params(family="mocap", seeds=(0, 1), steps=10, **words), None)


def draws(*seeds):
    return CounterDraws(seeds or (0, 1), "test")


def shaking(d, where, n_envs, scale=0.2):
    noise = scale * d.normal("latent", "policy", (where.spec.horizon, n_envs, where.spec.action_size))
    return lambda o, t: noise[:, t] + 0.001 * o[..., : noise.shape[-1]]


def parts(rollout):
    return vars(rollout).items()


@EACH
def test_shapes_and_the_chain_of_observations(body):
    where = task(body=body)
    d = draws()
    found = where.source(CPU).rollout(shaking(d, where, 3), d, 3)
    size, n_actions = {"flat": (94, 12), "humanoid": (198, 28)}[body]
    assert where.spec.shape == (size,) and where.spec.action_size == n_actions and where.spec.phase == 2
    for name, part in parts(found):
        last = {"observations": (size,), "next_observations": (size,), "actions": (n_actions,)}.get(name, ())
        assert part.shape == (2, 20, 3, *last) and part.is_contiguous()
    assert found.truncated[:, -1].all() and torch.isfinite(found.observations).all()
    over = (found.terminated | found.truncated)[:, :-1]
    same = (found.next_observations[:, :-1] == found.observations[:, 1:]).all(-1)
    assert torch.equal(same, ~over)
    assert (found.rewards >= 0).all() and (found.rewards <= 1).all()
    assert (found.rewards[found.terminated] == 0).all() and (found.rewards[~found.terminated] > 0).all()


def test_episodes_begin_at_even_times_of_the_clip_and_go_on_with_it():
    where = task(horizon=2)
    d = draws(0)
    found = where.source(CPU).rollout(lambda o, t: torch.zeros(1, 400, 12), d, 400)
    cosine, sine = found.observations[0, :, :, -2:].unbind(-1)
    phase = torch.atan2(sine, cosine).div(2 * torch.pi).remainder(1)
    share = torch.histc(phase[0], 4, 0, 1) / 400
    assert (share - 0.25).abs().max() < 0.08
    torch.testing.assert_close(
        (phase[1] - phase[0]).remainder(1), torch.full((400,), STEP / where.motion.length), atol=1e-4, rtol=0
    )
    pose, _ = where.motion.at(phase[0].double().numpy() * where.motion.length)
    np.testing.assert_allclose(found.observations[0, 0, :, 0], pose[:, 1], atol=1e-4)


def test_a_fall_ends_an_episode_unless_it_is_ignored_and_a_limit_cuts_it_off():
    d = draws()

    def run(**words):
        where = task(horizon=60, targets="middle", **words)
        return where.source(CPU).rollout(shaking(d, where, 4), d, 4)

    falls, ignored, cut = run(), run(termination="ignored"), run(limit=5)
    assert falls.terminated.any() and not ignored.terminated.any() and not ignored.truncated[:, :-1].any()
    assert not falls.truncated[:, :-1].any()
    first = falls.terminated.int().cumsum(1) - falls.terminated.int() == 0
    assert torch.equal(falls.next_observations[first], ignored.next_observations[first])
    # Nobody has fallen after five steps, so that all are cut off there, and nowhere earlier.
    assert cut.truncated[:, 4].all() and not cut.truncated[:, :4].any()


@pytest.mark.parametrize("worlds", ["fresh", "kept"])
def test_a_seed_is_what_it_is_alone(worlds):
    where = task(worlds=worlds, horizon=30)
    together, alone = where.source(CPU), where.source(CPU)
    for step in range(3):
        both, single = draws(3, 7), draws(7)
        both.step = single.step = step
        a = together.rollout(shaking(both, where, 2), both, 2)
        b = alone.rollout(shaking(single, where, 2), single, 2)
        for name, part in parts(a):
            assert torch.equal(part[1:], getattr(b, name)), name


def test_kept_worlds_go_on_and_are_restored_bit_for_bit():
    where = task(worlds="kept", horizon=15, limit=40, targets="clip")
    source, other, d = where.source(CPU), where.source(CPU), draws()
    assert source.state_dict() == {} and task().source(CPU).state_dict() == {}
    first = source.rollout(shaking(d, where, 3, 0.02), d, 3)
    held = {name: part.clone() for name, part in source.state_dict().items()}
    goes_on = ~(first.terminated | (held["age"].view(2, 1, 3) == 0))[:, -1]
    for step in (1, 2, 3):
        d.step = step
        found = source.rollout(shaking(d, where, 3, 0.02), d, 3)
        if step == 1:
            assert goes_on.any()
            assert torch.equal(found.observations[:, 0][goes_on], first.next_observations[:, -1][goes_on])
            other.load_state_dict(held)
        again = other.rollout(shaking(d, where, 3, 0.02), d, 3)
        for name, part in parts(found):
            assert torch.equal(part, getattr(again, name)), (step, name)
        assert bool(found.truncated[:, :-1].any()) == (step == 2)  # the limit of 40 steps lies in the third rollout


@EACH
def test_what_is_shown_are_states_of_the_clip_a_step_apart(body):
    where = task(body=body, samples=7)
    shown = where.source(CPU).demonstrations()
    assert shown.observations.shape == (1, 1, 7, *where.spec.shape) and not shown.actions.any()
    assert shown.actions.shape == (1, 1, 7, where.spec.action_size)
    times = (np.arange(7) + 0.5) / 7 * where.motion.length
    kin = where.character.forward(*where.motion.at(times + STEP))
    expected = where.character.observe(kin, where.motion.phase(times + STEP))
    np.testing.assert_allclose(shown.next_observations[0, 0], expected, atol=1e-5)
    assert task().source(CPU).demonstrations().observations.shape[2] == round(0.8 * 240)


def test_episodes_with_actions_come_from_a_policy_that_follows(tmp_path):
    with pytest.raises(BenchError, match=r"set tasks\.march\.demonstrations"):
        task().source(CPU).tracking_episodes()
    where, d = task(), draws(0)
    found = where.source(CPU).rollout(shaking(d, where, 3), d, 3)
    held = {name: getattr(found, name).numpy() for name in ("observations", "actions", "rewards")}
    held |= {"last_observations": found.next_observations[:, -1].numpy(), "whole": np.zeros((1, 3), bool)}
    np.savez(tmp_path / "left.npz", **{f"demonstrations/{name}": part for name, part in held.items()})
    with_them = task(demonstrations=str(tmp_path / "left.npz"))
    assert torch.equal(with_them.source(CPU).tracking_episodes().actions, found.actions)
    assert with_them.data_hash != where.data_hash


def test_what_the_data_are_is_part_of_their_hash():
    hashes = {
        task(**words).data_hash
        for words in (
            {},
            {"clip": "squat"},
            {"body": "humanoid"},
            {"targets": "clip"},
            {"limit": 5},
            {"rate": 240},
            {"touching": "feet_and_hands"},
            {"filter_hz": None},
            {"worlds": "kept"},
            {"samples": 3},
        )
    }
    assert len(hashes) == 10 and task().data_hash in hashes


class Still:
    """Outputs whose action is the same everywhere."""

    def __init__(self, size, value=0.0, n_seeds=2):
        self.action = torch.full((n_seeds, 1, size), value)

    def noise(self, d, shape, name, stream="eval"):
        return d.normal(stream, name, (*shape, self.action.shape[-1]))

    def act(self, observations, noise=None):
        return self.action.expand(-1, observations.shape[1], -1) + (0 if noise is None else 0.1 * noise)


def test_the_score_by_hand():
    """The angles between the policy's poses and the clip's, pi after the fall; what is not finite has the floor."""
    where = task(targets="clip", score={"seconds": 3.0, "n_episodes": 3})
    outputs = Still(12)
    outputs.action[1] = torch.nan
    scores = motion.compute(Evaluation(where, outputs, draws(), True))
    worlds = where.tracking_worlds(3, CPU)
    worlds.begin(np.arange(3) / 3 * where.motion.length)
    errors, up = np.full((90, 3, 13), np.pi), np.ones(3, bool)
    alive = []
    for t in range(90):
        up &= ~worlds.step(np.zeros((3, 12)))[1]
        errors[t, up] = worlds.errors()[up]
        alive.append(up.copy())
    assert not up.all()
    alive = np.array(alive)
    assert scores["error"].values[0] == pytest.approx(errors.mean(), abs=1e-6)
    assert scores["error_joints"].values[0] == pytest.approx(errors[..., 1:].mean(), abs=1e-6)
    assert scores["error_alive"].values[0] == pytest.approx(errors[alive].mean(), abs=1e-6)
    assert scores["time"].values[0] == pytest.approx(alive.sum(0).mean() / 30, abs=1e-6)
    assert scores["error"].references["no action"] == pytest.approx(scores["error"].values[0], abs=1e-6)
    for name, score in scores.items():
        assert score.values[1] == pytest.approx(0 if name == "time" else np.pi)
        assert score.higher_is_better == (name == "time") and score.headline == (name == "error")
    assert set(scores) == {"error", "error_joints", "error_drawn", "error_alive", "time"}


def test_mujoco_warp_makes_the_same_rollouts():
    """The same starts and endings; nothing but the resets is looked at on the host."""
    pytest.importorskip("mujoco_warp")
    found = []
    for physics in ("mujoco", "warp"):
        where, d = task(physics=physics, horizon=4, targets="clip", worlds="kept"), draws()
        source = where.source(CPU)
        found.append(source.rollout(shaking(d, where, 2, 0.05), d, 2))
        assert source.state_dict()["state"].shape[0] == 4
    torch.testing.assert_close(found[1].observations[:, 0], found[0].observations[:, 0], atol=1e-4, rtol=1e-4)
    assert torch.equal(found[0].terminated, found[1].terminated) and where.statistical
