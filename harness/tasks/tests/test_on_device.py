"""Rollouts, training and scoring with mujoco-warp, here on the CPU: episodes go as they do with MuJoCo."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from baselines.methods import imitation
from harness.checks.watch import NoHost
from harness.metrics import episodes
from harness.metrics.evaluation import Evaluation
from harness.run.seeds import CounterDraws
from harness.tasks import locomotion
from harness.tasks.locomotion import Params, Starts, build

pytest.importorskip("mujoco_warp")
CPU, STEPS = torch.device("cpu"), 30
RATE = {"name": "adam", "lr": 1e-3}
VAIL = {
    "algorithm": "imitation",
    "batch": 16,
    "discriminator_steps": 2,
    "learner": {
        "kind": "ppo",
        "n_envs": 3,
        "epochs": 2,
        "minibatches": 2,
        "optimizer": RATE,
        "normaliser": {"source": "expert"},
        "value": {"kind": "mlp", "width": 8, "epochs": 2, "minibatches": 2, "optimizer": RATE},
        "policy": {"width": 8},
    },
    "discriminator": {
        "kind": "gail",
        "net": {"kind": "mlp", "width": 8, "depth": 1, "activation": "relu"},
        "head": "linear",
        "critic_optimizer": RATE,
        "bottleneck": {"size": 4, "i_c": 0.5, "dual_step": 1e-3, "kl_reduce": "per_sample", "generator_z": "mean"},
    },
}


def draws():
    return CounterDraws((0, 1), "test")


def task(physics="warp", **words):
    words = {"horizon": STEPS, "threads": 1, "score": {"n_episodes": 2}} | words
    return build(
        "pole",
        Params(family="locomotion", robot="InvertedPendulum-v5", seeds=(0, 1), steps=2, physics=physics, **words),
        None,
    )


@pytest.mark.parametrize("termination", ["restart", "absorbing", "marked"])
def test_poles_fall_and_stand_again_as_with_mujoco(termination, monkeypatch):
    """Each pole gets a push of its own; the host looks once in a chunk of starts and once at the end."""
    monkeypatch.setattr(locomotion, "all_known", lambda flags: isinstance(flags, np.ndarray) and bool(flags.all()))
    push, found = torch.tensor([[0.0], [0.5], [3.0]]), []
    for physics in ("mujoco", "warp"):
        where = task(physics, termination="ignored" if termination == "marked" else termination)
        source = where.scoring_source(CPU) if termination == "marked" else where.source(CPU)
        with NoHost(1 + STEPS // Starts.CHUNK if physics == "warp" else 10**9):
            found.append(source.rollout(lambda o, t: push.expand(2, 3, 1), draws(), 3))
    exact, single = found
    for name in ("observations", "rewards", "next_observations", "terminated", "truncated"):
        torch.testing.assert_close(getattr(single, name), getattr(exact, name), rtol=1e-3, atol=1e-3)
    falls = exact.terminated.sum(1) if termination != "absorbing" else exact.observations[..., 4].sum(1)
    assert (falls[:, 0] > 0).all() and (falls[:, 2] > falls[:, 0]).all()
    assert not torch.equal(single.observations, exact.observations), "single precision"


def test_a_whole_update_and_its_scores(tmp_path):
    shown = task("mujoco").source(CPU).rollout(lambda o, t: -o[..., 1:2], CounterDraws((0,), "expert"), 2)
    parts = {name: getattr(shown, name).numpy() for name in ("observations", "actions", "rewards")}
    parts |= {"last_observations": shown.next_observations[:, -1].numpy(), "whole": np.ones((1, 2), bool)}
    np.savez(tmp_path / "e.npz", **{f"demonstrations/{name}": part for name, part in parts.items()})
    (tmp_path / "scores.csv").write_text("seed,step,metric,value\n0,1,return,9.0\n")
    states = []
    for physics in ("warp", "mujoco"):
        where, d = task(physics, demonstrations=str(tmp_path / "e.npz"), episodes=2), draws()
        method = imitation.build(imitation.Params(**VAIL), where.spec, d.at(0), CPU)
        source = where.source(CPU)
        for d.step in range(2):
            logs = method.update(source, d)
        assert method.alive.all() and all(torch.isfinite(value).all() for value in logs.values())
        scores = episodes.compute(Evaluation(where, method.outputs(), d.at(0)))
        states.append((scores["length"].values, scores["return_mode"].values, method.learner.policy.state_dict()))
    (length, mode, policy), (expected_length, expected_mode, expected) = states
    np.testing.assert_allclose(length, expected_length, atol=1)
    np.testing.assert_allclose(mode, expected_mode, atol=1)
    for name, value in policy.items():
        torch.testing.assert_close(value, expected[name], rtol=1e-2, atol=1e-2)
