"""The plain loops do the same work as the cells that they are compared with."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from harness import registry
from harness.benchmarks import beside, peer_plain_gan, peers, plain, residual
from harness.benchmarks.record import Options
from harness.contracts import TaskSpec
from harness.plan.plan import load_plan
from harness.registry import ROOT
from harness.run.like import without_title
from harness.run.seeds import CounterDraws
from harness.workspace.presets import compose_preset

OPTIONS, CPU = Options(ROOT), torch.device("cpu")


def digits():
    return load_plan(ROOT).cell(*plain.DIGITS).method_params, (1, 8, 8), plain.digits_settings(OPTIONS)


def images():
    block = compose_preset(ROOT, residual.PRESET)["methods"][residual.TASK][residual.METHOD]
    params = registry.algorithm(block["algorithm"]).Params(**without_title(block))
    return params, (3, residual.SIDE, residual.SIDE), plain.residual_settings(OPTIONS)


@pytest.mark.parametrize("work", [digits, images])
def test_with_the_same_weights_the_nets_are_the_same_functions(work) -> None:
    params, shape, settings = work()
    draws = CounterDraws((0,), "plain", CPU)
    method = registry.algorithm("gan").build(params, TaskSpec("images", shape, 10, n_train=100), draws, CPU)
    build = peer_plain_gan.residual if settings["kind"] == "residual" else peer_plain_gan.perceptron
    generator, critic = build(settings)
    for ours, theirs in ((method.generator, generator), (method.adversary.critic, critic)):
        values = [p.detach()[0] for p in ours.parameters()]
        with torch.no_grad():
            for p, value in zip(theirs.parameters(), values, strict=True):
                p.copy_(value.reshape(p.shape))
    x, z = torch.rand(4, *shape) * 2 - 1, torch.randn(4, settings["latent"])
    code = method.adversary.critic.encode(x[None], None, "")
    torch.testing.assert_close(critic.mean(critic.body(x)), code.mean[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(critic(x)[1], code.kl[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(generator(z), method.generator(z[None])[0].reshape(4, *shape), rtol=1e-4, atol=1e-5)


def test_a_plain_update_moves_both_nets_and_beta() -> None:
    said = plain.digits_settings(OPTIONS) | {"seed": 0, "updates": 1}
    assert peer_plain_gan.run(said)["seconds"] > 0
    assert said["optimizer"] == {"lr": 0.0018, "betas": [0.0, 0.99], "eps": 1e-8}, "as presets/laptop says"


def test_the_plain_loop_of_gail_runs_from_its_settings(tmp_path: Path) -> None:
    work = beside.Work("gail", demonstrations=beside.expert(ROOT), steps=8, stack=1)
    settings = beside.peer_settings(work, 0)
    settings["ppo"] = settings["ppo"] | {"horizon": 4, "epochs": 1, "minibatches": 2}
    assert peers.call(None, plain.GAIL_SCRIPT, settings)["seconds"] > 0
