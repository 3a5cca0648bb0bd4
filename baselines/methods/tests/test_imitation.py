"""The round of adversarial imitation: its order, replayed rows, what it pays, and that it recovers a known reward."""

import numpy as np
import pytest
import torch

from baselines.methods import cloning, imitation, retrain
from harness.contracts import BenchError
from harness.metrics import tabular as metric
from harness.metrics.evaluation import Evaluation
from harness.run.seeds import CounterDraws
from harness.tasks import tabular

SEEDS = (0, 1)
CPU = torch.device("cpu")
LEARNER = {
    "kind": "trpo",
    "n_envs": 40,
    "gamma": 0.9,
    "trust_region": 0.01,
    "cg_damping": 0.1,
    "advantages": "centred",
    "entropy": "none",
    "policy": {"depth": 0},
}
AIRL = {
    "kind": "airl",
    "net": {"kind": "mlp", "width": 16, "depth": 1, "activation": "relu"},
    "head": "relu_linear",
    "gamma": 0.9,
    "last_next": "observed",
    "policy_reward": "f_minus_log_pi",
    "critic_optimizer": {"lr": 1e-2},
}


def task():
    params = tabular.Params(
        family="tabular", layout="corridor", seeds=SEEDS, steps=40, temperature=1.0, n_demonstrations=400
    )
    return tabular.build("t", params, None)


def draws():
    return CounterDraws(SEEDS, "test")


def method(**options):
    params = imitation.Params(
        algorithm="imitation",
        learner=LEARNER,
        discriminator=AIRL,
        **({"batch": 128, "discriminator_steps": 8} | options),
    )
    return imitation.build(params, task().spec, draws().at(0), CPU)


def scores(made):
    return {name: s.values for name, s in metric.compute(Evaluation(task(), made.outputs(), draws().at(0))).items()}


def test_airl_comes_near_the_known_policy_and_reward():
    made, d, source = method(), draws(), task().source(CPU)
    before = scores(made)
    for d.step in range(40):
        logs = made.update(source, d)
    after = scores(made)
    assert (after["policy_kl"] < before["policy_kl"] / 8).all()
    assert (after["reward_correlation"] > 0.85).all(), after["reward_correlation"]
    assert {"accuracy", "loss_critic", "true_return", "return", "kl_policy", "reward_std"} <= logs.keys()


def test_cloning_comes_near_the_known_policy():
    params = cloning.Params(algorithm="cloning", policy={"depth": 0}, optimizer={"lr": 3e-2})
    made, d, source = cloning.build(params, task().spec, draws().at(0), CPU), draws(), task().source(CPU)
    before = scores(made)["policy_kl"]
    for d.step in range(6):
        made.update(source, d)
    assert (scores(made)["policy_kl"] < before / 8).all()


def test_the_order_decides_which_discriminator_pays():
    """With the policy first, the first update is paid by the untrained reward."""
    found = {}
    for order in ("discriminator_first", "policy_first"):
        made, paid = method(order=order), []
        inner = made.discriminator.reward
        made.discriminator.reward = lambda rows, log_pi, inner=inner, paid=paid, made=made: (
            paid.append({k: v.clone() for k, v in made.discriminator.state_dict().items()}),
            inner(rows, log_pi),
        )[1]
        untrained = {k: v.clone() for k, v in made.discriminator.state_dict().items()}
        made.update(task().source(CPU), draws())
        found[order] = all(torch.equal(paid[0][k], v) for k, v in untrained.items())
    assert found == {"discriminator_first": False, "policy_first": True}


@pytest.mark.parametrize("which", ["current", "behaviour"])
def test_log_pi_of_replayed_rows(which):
    """Under the policy of now, or, as an option, under the one that acted."""
    made, d, source, seen = (
        method(replay={"paths": 40, "share": 1.0}, replay_log_pi=which),
        draws(),
        task().source(CPU),
        [],
    )
    inner = made.discriminator.update
    made.discriminator.update = lambda a, b, log_pi, *rest: (seen.append((b, log_pi[1])), inner(a, b, log_pi, *rest))[1]
    for d.step in range(2):
        policy = made.learner.policy
        now = {k: v.clone() for k, v in policy.state_dict().items()}
        seen.clear()
        made.update(source, d)
    after = {k: v.clone() for k, v in policy.state_dict().items()}
    policy.load_state_dict(now)
    rows, used = seen[0]
    same = (used - policy.log_prob(rows.observations, rows.actions)).abs() < 1e-5
    policy.load_state_dict(after)
    assert same.all() if which == "current" else (same.any() and not same.all())


def test_a_reward_is_taken_along_and_stays_as_it_is():
    made = method()
    made.update(task().source(CPU), draws())
    again = retrain.build(
        retrain.Params(algorithm="retrain", learner=LEARNER, discriminator=AIRL), task().spec, draws().at(0), CPU
    )
    reward = made.artefacts()["reward"]
    again.receive(reward)
    kept = {k: v.clone() for k, v in reward.items()}
    again.update(task().source(CPU), draws())
    states = torch.eye(25).expand(2, -1, -1)
    actions = torch.zeros(2, 25, 4)
    torch.testing.assert_close(again.outputs().reward(states, actions), made.outputs().reward(states, actions))
    assert all(torch.equal(v, kept[k]) for k, v in again.discriminator.state_dict().items())
    with pytest.raises(BenchError, match="the learnt reward has other nets"):
        again.receive({k: v[:1] for k, v in reward.items()})
    assert np.isfinite(scores(again)["return"]).all()
