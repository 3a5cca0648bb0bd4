"""Learning from pictures: what the loss of pixels pays, what the discriminator is shown, and what is refused."""

from __future__ import annotations

import pytest
import torch

from baselines.methods.video_imitation import Params, build
from harness.contracts import BenchError
from harness.metrics import saliency
from harness.metrics.evaluation import Evaluation
from harness.run.seeds import CounterDraws
from harness.tasks import mocap

CPU = torch.device("cpu")
LEARNER = {"kind": "ppo", "n_envs": 3, "epochs": 1, "minibatches": 1, "policy": {"width": 4, "initial_std": 0.05}}
VAIL = {
    "net": {"kind": "strided", "width": 2, "hidden": 8},
    "critic_optimizer": {"lr": 1e-3},
    "bottleneck": {"size": 4, "i_c": 0.5, "dual_step": 1e-3, "kl_reduce": "per_sample"},
}


def task(pictures=16, **words):
    words = {"clip": "march", "targets": "clip", "termination": "restart", "horizon": 6, "rate": 120} | words
    params = mocap.Params(family="mocap", seeds=(0, 1), steps=3, pictures=pictures, **words)
    return mocap.build("march", params, None)


def method(where, **words):
    words = {
        "algorithm": "video_imitation",
        "learner": LEARNER,
        "size": 16,
        "batch": 4,
        "discriminator_steps": 2,
    } | words
    draws = CounterDraws((0, 1), "test")
    return build(Params(**words), where.spec, draws, CPU), draws


def test_pictures_of_the_clip_are_those_of_its_states():
    where = task()
    source = where.source(CPU)
    shown = source.demonstrations().next_observations[0, 0]
    near = source.pictures(shown) - source.clip_pictures(shown)  # states of every 1/240 s, pictures of the nearest one
    assert near.abs().mean() < 2e-3
    half = torch.cat([shown[:, :-2], -shown[:, -2:]], 1)  # half a cycle later, by the phase alone
    assert (source.pictures(half) - source.clip_pictures(half)).abs().mean() > 10 * near.abs().mean()


def test_the_loss_of_pixels_pays_one_on_the_clip_and_nothing_at_a_fall():
    where = task(horizon=40, targets="middle")
    made, draws = method(where)
    source, paid = where.source(CPU), {}
    improve = made.learner.improve

    def spied(rollout, rewards, d, expert=None):
        paid["rollout"], paid["rewards"] = rollout, rewards
        return improve(rollout, rewards, d, expert)

    made.learner.improve = spied
    logs = made.update(source, draws)
    rollout, rewards = paid["rollout"], paid["rewards"]
    reached = rollout.next_observations
    expected = 1 - (source.pictures(reached) - source.clip_pictures(reached)).square().mean((-2, -1))
    torch.testing.assert_close(rewards, torch.where(rollout.terminated, 0.0, expected))
    assert rollout.terminated.any() and made.adversary is None
    torch.testing.assert_close(logs["reward_mean"], rewards.flatten(1).mean(1))


def test_the_discriminator_sees_the_picture_and_the_phase():
    where = task()
    g = torch.Generator().manual_seed(0)
    observations, pictures = torch.randn(2, 5, 94, generator=g), torch.rand(2, 5, 16, 16, generator=g)
    other = torch.cat([1.0 + observations[..., :-2], observations[..., -2:]], -1)
    turned = torch.cat([observations[..., :-2], -observations[..., -2:]], -1)
    for phase, same in (("input", False), ("none", True)):
        made, _ = method(where, discriminator=VAIL | {"phase": phase})
        scores = made.scores(pictures, observations)
        assert torch.equal(made.scores(pictures, other), scores)  # of the state nothing but the phase
        assert torch.equal(made.scores(pictures, turned), scores) == same
        assert not torch.equal(made.scores(1 - pictures, observations), scores)


def test_it_learns_to_tell_the_clip_from_a_policy():
    where = task()
    made, draws = method(where, discriminator=VAIL, discriminator_steps=5)
    source = where.source(CPU)
    for draws.step in range(3):
        logs = made.update(source, draws)
    assert {"accuracy", "kl", "beta", "reward_mean"} <= logs.keys()
    assert all(torch.isfinite(value).all() and value.shape == (2,) for value in logs.values())


def test_a_task_without_pictures_or_with_others_is_told():
    made, draws = method(task())
    with pytest.raises(BenchError, match=r"march has no pictures: set tasks\.march\.pictures to their pixels a side"):
        made.update(task(pictures=None).source(CPU), draws)
    with pytest.raises(BenchError, match="size = 16, but the task's pictures have 24 pixels"):
        made.update(task(pictures=24).source(CPU), draws)


def test_saliency_is_the_share_of_the_gradient_on_the_body():
    """Of a score that sums all pixels, it is the share of pixels that the body covers; its norm is their root."""
    where = task(score={"seconds": 0.1, "n_episodes": 1})
    source = where.source(CPU)

    class Sums:
        def picture_logits(self, pictures, observations):
            return pictures.sum((2, 3))

    ev = Evaluation(where, Sums(), CounterDraws((0, 1), "test"))
    found = saliency.compute(ev)
    clip = source.pictures(source.demonstrations().next_observations[0, 0])
    covered = (clip > 0.2).float().mean()
    assert found["saliency_body"].values == pytest.approx(float(covered), rel=0.05)
    assert found["saliency_norm"].values == pytest.approx(16.0)
    assert saliency.compute(Evaluation(where, object(), CounterDraws((0, 1), "test"))) == {}
