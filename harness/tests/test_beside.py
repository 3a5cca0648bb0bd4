"""The benchmark beside peers: both sides get the same settings, and what is missing gets one line."""

import sys
from argparse import Namespace

import pytest

from baselines.methods import imitation, true_reward
from harness.benchmarks import beside


def test_our_block_has_the_settings_of_the_peer():
    s, g = beside.SETTINGS["ppo"], beside.SETTINGS["gail"]
    params = imitation.Params(**beside._block(True))
    for learner in (params.learner, true_reward.Params(**beside._block(False)).learner):
        for fitted in (learner, learner.value):
            assert (fitted.epochs, fitted.minibatches, fitted.optimizer.lr) == (s["epochs"], s["minibatches"], s["lr"])
        assert (learner.n_envs, learner.gamma, learner.lam, learner.clip) == (s["n_envs"], s["gamma"], s["lam"], s["clip"])
        assert learner.policy.width == learner.value.width == s["width"] and learner.policy.initial_std == s["initial_std"]
    assert (params.batch, params.discriminator_steps) == (g["batch"], g["steps"])
    assert params.discriminator.critic_optimizer.lr == g["lr"] and params.discriminator.net.width == g["width"]


def test_ratios_are_taken_within_pairs(monkeypatch):
    monkeypatch.setattr(beside, "_ceiling", lambda args: 1.0)
    rows = [{"peer": {"per_second": p}, "ours": {"per_second": o}} for p, o in ((1.0, 3.0), (2.0, 4.0), (4.0, 4.0))]
    found = beside._summary(Namespace(algorithm="ppo", robot="R", steps=1, stack=1), rows)
    assert found["ratio_to_peer"] == {"ours": {"median": 2.0, "least": 1.0, "most": 3.0}}
    assert found["steps_per_second"]["ours"] == {"median": 4.0, "least": 3.0, "most": 4.0}


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["gail", sys.executable], "--demonstrations None: no such file; train the expert's cell first"),
        (["ppo", "no-python"], "no-python: no such file; give the Python of an environment with the peer"),
    ],
)
def test_what_is_missing_gets_one_line(words, line, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["beside", *words])
    with pytest.raises(SystemExit) as error:
        beside.main()
    assert error.value.code == 2 and line in capsys.readouterr().err.splitlines()[-1]
