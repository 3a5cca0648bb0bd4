"""The normaliser's numbers by numpy, and that within an update it stands still for s, s', policy and value alike."""

import numpy as np
import pytest
import torch

from baselines.methods import imitation
from baselines.parts.control.normaliser import Normaliser, NormaliserParams, RewardScale, RewardScaleParams, normaliser
from baselines.parts.control.tests.test_learner import KINDS, Point, build, run
from harness.contracts import Rollout, TaskSpec
from harness.run.seeds import CounterDraws

ALIVE = torch.ones(2, dtype=torch.bool)
FAR = 40.0  # where the moved point lives


def met(*batches, clip=10.0, alive=ALIVE):
    made = Normaliser(2, 3, NormaliserParams(clip=clip))
    for batch in batches:
        made.absorb(batch, alive)
    return made


def test_it_is_the_mean_and_the_spread_of_all_that_was_met():
    g = torch.Generator().manual_seed(0)
    batches = [
        torch.randn(2, n, 3, generator=g) * torch.tensor([1e-2, 1.0, 300.0]) + torch.tensor([1e3, 0, -5])
        for n in (7, 1, 40)
    ]
    x = torch.cat(batches, 1).double().numpy()
    expected = (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)
    made = met(*batches, clip=1.5)
    np.testing.assert_allclose(made(torch.cat(batches, 1)), expected.clip(-1.5, 1.5), atol=2e-2)
    np.testing.assert_allclose(made.mean, x.mean(1), rtol=1e-12)
    np.testing.assert_allclose((made.squares / made.count[:, None]).sqrt(), x.std(1), rtol=1e-9)
    assert made(batches[0].unsqueeze(1)).shape == (2, 1, 7, 3)


def test_rows_for_all_seeds_alike():
    x = torch.arange(12.0).view(1, 4, 3)
    made = met(x)
    assert made(x).shape == (2, 4, 3) and torch.equal(made(x)[0], made(x)[1])
    torch.testing.assert_close(made(x)[0].std(0, correction=0), torch.ones(3))


def test_before_anything_was_met_nothing_changes_and_a_constant_stays_finite():
    x = torch.tensor([[[0.5, -3.0, 9.0]]]).expand(2, 5, 3)
    assert torch.equal(met()(x), x)
    assert torch.equal(met(x)(x), torch.zeros_like(x))
    assert normaliser(2, 3, None)(x) is x


def test_a_dead_seed_takes_nothing():
    made = met(torch.full((2, 4, 3), torch.nan), alive=torch.tensor([False, False]))
    assert torch.equal(made(torch.ones(2, 1, 3)), torch.ones(2, 1, 3))
    made.absorb(
        torch.stack([torch.full((4, 3), torch.nan), torch.arange(12.0).view(4, 3)]), torch.tensor([False, True])
    )
    assert made.count.tolist() == [0, 4] and torch.isfinite(made.mean).all()


def test_rewards_are_divided_by_the_spread_of_the_return_and_keep_their_sign():
    """No mean is taken off, so that a step's reward stays on its side of zero."""
    made, rewards = RewardScale(2, RewardScaleParams(clip=2.0)), torch.full((2, 6, 4), -0.5)
    assert torch.equal(made(rewards), rewards)
    returns = torch.tensor([[[0.0], [8.0]], [[-100.0], [100.0]]])
    made.absorb(returns, ALIVE)
    assert torch.allclose(made(rewards)[0], rewards[0] / 4) and torch.allclose(made(rewards)[1], rewards[1] / 100)
    assert float(made(torch.full((2, 1, 1), 1e4)).max()) == 2.0


@pytest.mark.parametrize("kind", ["trpo", "ppo_net"])
def test_with_it_the_units_of_the_reward_do_not_matter(kind):
    ends = []
    for unit in (1.0, 1024.0):  # a power of two: nothing is rounded
        learner, draws = build(**KINDS[kind], policy={"initial_std": 0.7}, reward_scale={})
        learner.scale.absorb(unit * torch.tensor([-9.0, -3.0]).view(1, 2, 1), learner.alive)
        for draws.step in range(3):
            rollout = learner.rollout(Point(), draws)
            logs = learner.improve(rollout, unit * rollout.rewards, draws)
        ends.append((learner.policy.log_std.detach(), logs["return"] / unit))
    for one, other in zip(*ends):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


class Moved(Point):
    """The same point, seen in other units from another place."""

    def rollout(self, act, draws, n_envs, name="rollout", stream="env"):
        found = super().rollout(lambda o, t: act(100 * o + FAR, t), draws, n_envs, name, stream)
        seen = {k: 100 * getattr(found, k) + FAR for k in ("observations", "next_observations")}
        return Rollout(**{**vars(found), **seen})


@pytest.mark.parametrize("kind", ["trpo", "ppo_net"])
def test_with_it_the_units_of_the_observations_do_not_matter(kind):
    learner, draws = build(**KINDS[kind], policy={"initial_std": 0.7}, normaliser={})
    logs = run(learner, draws, 40, Moved())
    assert (logs["return"] > -6).all()
    assert float((learner.see.mean - FAR).abs().max()) < 60


@pytest.mark.parametrize("kind", ["trpo", "ppo_net"])
def test_it_stands_still_within_an_update(kind):
    """Whatever is computed before the first step and after the last meets the same numbers."""
    learner, draws = build(**KINDS[kind], normaliser={})
    run(learner, draws, 2, Moved())
    before, used = learner.see.mean.clone(), []
    forward = learner.see.forward
    learner.see.forward = lambda x: used.append(learner.see.mean.clone()) or forward(x)
    draws.step = 2
    rollout = learner.rollout(Moved(), draws)
    log_prob = learner.policy.log_prob(learner.see(rollout.observations).flatten(1, 2), rollout.actions.flatten(1, 2))
    noise = learner.policy.noise(draws, (20, 20), "rollout")
    drawn = -(0.5 * noise.square() + learner.policy.log_std.view(-1, 1, 1, 1)).sum(-1) - 0.5 * np.log(2 * np.pi)
    torch.testing.assert_close(log_prob, drawn.flatten(1), rtol=1e-3, atol=1e-3)  # the density it was drawn with
    learner.improve(rollout, rollout.rewards, draws)
    assert all(torch.equal(mean, before) for mean in used) and not torch.equal(learner.see.mean, before)


@pytest.mark.parametrize("source", ["policy", "expert", "both"])
def test_whose_observations_count(source):
    """The expert's once and before the first rollout, the policy's after each, or both after each."""
    params = imitation.Params(
        algorithm="imitation",
        learner={**KINDS["trpo"], "normaliser": {"source": source}},
        batch=8,
        discriminator_steps=1,
        discriminator={
            "kind": "gail",
            "net": {"kind": "mlp", "width": 4, "depth": 1},
            "critic_optimizer": {"lr": 1e-3},
        },
    )
    draws, source_of, rollouts, at_first = CounterDraws((0, 1), "test"), Point(), [], []
    method = imitation.build(params, TaskSpec("maze", (1,), 10, action_size=1, horizon=20), draws, torch.device("cpu"))
    expert = source_of.rollout(lambda o, t: -o.sign(), CounterDraws((0,), "expert"), 5)
    source_of.demonstrations = lambda: expert
    inner = method.learner.rollout
    method.learner.rollout = lambda *a: (
        at_first.append(method.learner.see.count.tolist()) or rollouts.append(inner(*a)) or rollouts[-1]
    )
    for draws.step in range(3):
        method.update(source_of, draws)
    shown, own = expert.observations.flatten(1, 2), [r.observations.flatten(1, 2) for r in rollouts]
    met = {
        "policy": own,
        "expert": [shown.expand(2, -1, -1)],
        "both": [x for r in own for x in (r, shown.expand(2, -1, -1))],
    }[source]
    torch.testing.assert_close(method.learner.see.mean.float(), torch.cat(met, 1).mean(1))
    assert method.learner.see.count.tolist() == [sum(x.shape[1] for x in met)] * 2
    assert at_first[0] == ([100.0, 100.0] if source == "expert" else [0.0, 0.0])


def test_the_discriminator_meets_s_and_next_s_by_the_same_numbers():
    """Shaping is shaping only if h meets one state alike, whether as s or as s'."""
    params = imitation.Params(
        algorithm="imitation",
        learner={**KINDS["trpo"], "normaliser": {}},
        batch=8,
        discriminator_steps=2,
        replay={"paths": 4},
        discriminator={
            "kind": "airl",
            "net": {"kind": "mlp", "width": 4, "depth": 1},
            "critic_optimizer": {"lr": 1e-3},
            "last_next": "observed",
        },
    )
    draws = CounterDraws((0, 1), "test")
    method = imitation.build(params, TaskSpec("maze", (1,), 10, action_size=1, horizon=20), draws, torch.device("cpu"))
    source = Moved()
    source.demonstrations = lambda: source.rollout(lambda o, t: -o.sign(), CounterDraws((0,), "expert"), 5)
    seen, update = [], method.discriminator.update
    method.discriminator.update = lambda *a: seen.append((a[0], method.learner.see.mean.clone())) or update(*a)
    for draws.step in range(3):
        method.update(source, draws)
    rows, mean = seen[-1]
    std = float((rows.next_observations - rows.observations).abs().max())
    assert 0 < std < 3, "the step of 20 units is a part of the spread"
    assert not torch.equal(mean, method.learner.see.mean), "it moved at the end of the update"
    assert "see.mean" in method.artefacts()["reward"], "what the reward meets travels with it"


def test_last_coordinates_may_stay_untouched_and_a_spread_has_a_floor():
    g = torch.Generator().manual_seed(0)
    x = 3.0 + torch.randn(2, 200, 3, generator=g) * torch.tensor([2.0, 1e-3, 5.0])
    made = Normaliser(2, 3, NormaliserParams(floor=0.5, clip=100.0), untouched=1)
    made.absorb(x, ALIVE)
    assert torch.equal(made(x)[..., 2], x[..., 2])
    torch.testing.assert_close(made(x)[..., 0].std(1, correction=0), torch.ones(2))
    torch.testing.assert_close(
        made(x)[..., 1], (x[..., 1] - x[..., 1].mean(1, keepdim=True)) / 0.5, atol=1e-5, rtol=1e-3
    )


def test_a_scale_with_a_memory_forgets():
    """After 30 updates of ten times smaller rewards at a memory of 2, nothing is left of the large ones."""
    large, small = torch.tensor([[-10.0], [10.0]]).expand(2, 2, 1), torch.tensor([[-1.0], [1.0]]).expand(2, 2, 1)
    made = {memory: RewardScale(2, RewardScaleParams(memory=memory)) for memory in (None, 2.0)}
    for scale in made.values():
        for x in (large, *[small] * 30):
            scale.absorb(x, ALIVE)
    torch.testing.assert_close(made[2.0].std, torch.ones(2, 1).double(), atol=1e-6, rtol=0)
    torch.testing.assert_close(made[None].std, torch.full((2, 1), ((100 + 30) / 31) ** 0.5).double())
