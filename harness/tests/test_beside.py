"""The benchmark beside peers: both sides get the same settings, and what is missing gets one line."""

import sys
from typing import Any

import pytest

from baselines.methods import imitation, true_reward
from harness.benchmarks import beside
from harness.benchmarks.record import Options
from harness.registry import ROOT
from harness.report.records.measured import fault

STEPS = 1000


def test_our_block_has_the_settings_of_the_peer():
    s, g, d = (beside.SETTINGS[name] for name in ("ppo", "gail", "defaults"))
    params = imitation.Params(**beside.block("gail"))
    for learner in (params.learner, true_reward.Params(**beside.block("ppo")).learner):
        for fitted in (learner, learner.value):
            assert (fitted.epochs, fitted.minibatches, fitted.optimizer.lr) == (s["epochs"], s["minibatches"], s["lr"])
            assert (fitted.optimizer.eps, fitted.optimizer.clip_norm) == (d["eps"], d["clip_norm"])
        assert (learner.n_envs, learner.gamma, learner.lam, learner.clip) == (
            s["n_envs"],
            s["gamma"],
            s["lam"],
            s["clip"],
        )
        assert (
            learner.policy.width == learner.value.width == s["width"] and learner.policy.initial_std == s["initial_std"]
        )
        assert learner.policy.init == learner.value.init == d["init"]
        assert (
            learner.policy.last_scale == d["last_scale"] and learner.minibatch_advantages == d["minibatch_advantages"]
        )
    assert params.order == d["order"]
    assert (params.batch, params.discriminator_steps) == (g["batch"], g["steps"])
    assert params.discriminator.critic_optimizer.lr == g["lr"] and params.discriminator.net.width == g["width"]


def test_pairs_of_a_peer_become_a_record(tmp_path, monkeypatch):
    """A record has each pair's ratio by seed: for one seed, the stack, and blocks on two cores.

    The last stand against the fastest of the peer's three ways.
    """
    rates = {"theirs": iter([1.0, 2.0]), "one": iter([3.0, 4.0]), "stack": iter([5.0, 20.0])}
    of_peer = {1: rates["theirs"], 2: iter([2.0, 1.5])}
    monkeypatch.setattr(beside, "_ceiling", lambda work: 1.0)
    monkeypatch.setattr(beside.peers, "version", lambda *_: {"name": "peer", "version": "1"})
    monkeypatch.setattr(beside, "_peer", lambda *given: {"per_second": next(of_peer[(*given, 1)[3]])})
    monkeypatch.setattr(
        beside, "ours", lambda _, seeds: {"per_second": next(rates["one" if len(seeds) == 1 else "stack"])}
    )
    two_seeds = iter([1.8, 2.5])
    monkeypatch.setattr(beside, "_peers", lambda *_: next(two_seeds))
    monkeypatch.setattr(beside, "_blocks", lambda _, seeds: 3.0 * len(seeds))
    (made,) = beside.measure(Options(tmp_path, quick=True), beside.Work("ppo", robot="R", steps=7))
    assert made["benchmark"] == "ppo-R-7-quick" and fault(made, "ppo-R-7-quick") is None
    one, stack, blocks = made["rows"]
    assert one["ratio"] == {"median": 2.5, "least": 2.0, "most": 3.0}
    assert stack["ratio"] == {"median": 7.5, "least": 5.0, "most": 10.0}
    assert blocks["ratio"] == {"median": 6.75, "least": 6.0, "most": 7.5}


@pytest.mark.parametrize("seconds, fastest", [(1.0, 2000.0), (1.9, 1500.0)])
def test_two_cores_are_compared_with_two_cores(seconds: float, fastest: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """One seed takes 1 s on a core and 2/3 s on both; two at once take `seconds`."""

    def run(per_second: float) -> dict[str, Any]:
        return {"seconds": STEPS / per_second, "per_second": per_second}

    monkeypatch.setattr(beside, "_peer", lambda options, work, seed, cores=1: run(1000.0 if cores == 1 else 1500.0))
    monkeypatch.setattr(
        beside, "at_once", lambda of, parts: [{"seconds": seconds - 0.1 * k} for k in range(len(parts))]
    )
    monkeypatch.setattr(beside, "ours", lambda work, seeds: run(3000.0))
    monkeypatch.setattr(beside, "_blocks", lambda work, seeds: 6000.0)
    monkeypatch.setattr(beside, "_ceiling", lambda work: 9000.0)
    monkeypatch.setattr(beside.peers, "version", lambda *_: {"name": "peer", "version": "1"})
    (made,) = beside.measure(Options(ROOT, pairs=2), beside.Work("ppo", steps=STEPS))
    one, stack, blocks = made["rows"]
    assert one["pairs"][0]["theirs"] == stack["pairs"][0]["theirs"] == 1000.0
    assert blocks["pairs"][0]["theirs"] == pytest.approx(fastest)
    assert blocks["ratio"]["median"] == pytest.approx(6000.0 / fastest)
    assert blocks["against"] == "the peer's fastest way on 2 cores"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["gail", sys.executable], "--demonstrations None: no such file; train the expert's cell first"),
        (["ppo", "no-python"], "--python no-python: no such file; create the environment with"),
    ],
)
def test_what_is_missing_gets_one_line(words, line, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["beside", *words])
    with pytest.raises(SystemExit) as error:
        beside.main()
    assert str(error.value).startswith(f"error: {line}")
