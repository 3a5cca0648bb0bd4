"""The supervised bottleneck: cross-entropy + beta KL, averaged codes, the deterministic twin."""

import math

import pytest
import torch
import torch.nn.functional as F

from baselines.methods.vib import Params, Vib
from harness.contracts import TaskSpec
from harness.run.seeds import CounterDraws

SPEC = TaskSpec("labelled", (1, 3, 3), steps=20, n_classes=4)
BLOCK = {"algorithm": "vib", "width": 8, "depth": 2, "batch": 6, "optimizer": {"lr": 0.01}, "ema": {"decay": 0.9}}
CODE = {"size": 5, "beta": 0.25, "kl_reduce": "per_sample", "sigma": "softplus"}


class Labelled:
    def batch(self, draws, size, name="batch"):
        x = draws.normal("data", name, (size, *SPEC.shape))
        return {"x": x, "y": draws.integers("data", "y", (size,), SPEC.n_classes)}


def build(**params):
    return Vib(Params(**{**BLOCK, **params}), SPEC, CounterDraws((0, 1), "test"), torch.device("cpu"))


def draws(step=0):
    d = CounterDraws((0, 1), "test")
    d.step = step
    return d


def test_first_loss_by_hand():
    vib = build(bottleneck=CODE)
    batch = Labelled().batch(draws(), 6)
    code = vib.net.encode(batch["x"], draws().normal("bottleneck", "code", (6, 5)))
    logits = vib.net.decoder(code.z)
    expected = torch.stack([F.cross_entropy(logits[k], batch["y"][k]) for k in range(2)])
    logs = vib.update(Labelled(), draws())
    torch.testing.assert_close(logs["loss"], expected.detach())
    torch.testing.assert_close(logs["kl"], code.kl.mean(1).detach())
    torch.testing.assert_close(logs["accuracy"], (logits.argmax(2) == batch["y"]).float().mean(1))


def test_beta_weighs_the_kl():
    """A large beta empties the code; at beta 0 it fills."""
    ends = []
    for beta in (0.0, 10.0):
        vib = build(bottleneck={**CODE, "beta": beta})
        for step in range(60):
            logs = vib.update(Labelled(), draws(step))
        ends.append(logs["kl"])
    assert (ends[1] < 0.5 * ends[0]).all()


def test_an_averaged_code_is_the_mean_of_probabilities():
    vib, x = build(bottleneck={**CODE, "sigma": "log_std"}), torch.randn(7, *SPEC.shape)
    d, n = draws().at(0), 3
    expanded = x.expand(2, *x.shape)
    each = [
        vib.ema.net.decoder(vib.ema.net.encode(expanded, d.normal("eval", f"code/{n}/{i}", (7, 5))).z).softmax(2)
        for i in range(n)
    ]
    result = vib.log_probs(x, d, n)
    torch.testing.assert_close(result, torch.stack(each).mean(0).log())
    torch.testing.assert_close(result.exp().sum(2), torch.ones(2, 7))
    assert not torch.allclose(result, vib.log_probs(x, d, 1))


def test_scoring_encodes_once_however_many_codes_are_drawn():
    vib, calls = build(bottleneck=CODE), []
    for part in (vib.ema.net.body, vib.ema.net.code.mu, vib.ema.net.code.rho):
        part.register_forward_hook(lambda module, inputs, output: calls.append(module))
    vib.log_probs(torch.randn(7, *SPEC.shape), draws(), 12)
    assert len(calls) == 3


def test_the_twin_is_deterministic_and_has_no_kl():
    twin, x = build(code_size=5), torch.randn(7, *SPEC.shape)
    assert twin.kl(x) is None and twin.net.code_size == 5
    torch.testing.assert_close(twin.log_probs(x, draws(), 1), twin.log_probs(x, draws(3), 12))
    assert "kl" not in twin.update(Labelled(), draws())


def test_dual_step_follows_the_optimiser_step():
    vib = build(bottleneck={**CODE, "i_c": 0.5, "dual_step": 0.1})
    logs = vib.update(Labelled(), draws())
    torch.testing.assert_close(logs["beta"], torch.full((2,), 0.25))
    torch.testing.assert_close(vib.net.code.beta, (0.25 + 0.1 * (logs["kl"] - 0.5)).clamp_min(0))


def test_kl_of_the_averaged_net():
    vib, x = build(bottleneck=CODE), torch.randn(7, *SPEC.shape)
    rho = F.softplus(vib.ema.net.code.rho(F.leaky_relu(vib.ema.net.body(x.expand(2, *x.shape)), 0.2)) - 5)
    mu = vib.ema.net.code.mu(F.leaky_relu(vib.ema.net.body(x.expand(2, *x.shape)), 0.2))
    expected = 0.5 * (mu**2 + rho**2 - 1 - 2 * rho.log()).sum(2)
    torch.testing.assert_close(vib.kl(x), expected.detach())
    assert vib.kl(x).min() > math.log(2)


@pytest.mark.parametrize("bottleneck", [None, CODE])
def test_it_learns(bottleneck):
    """A fixed batch of six is learnt by heart."""
    vib = build(bottleneck=bottleneck and {**CODE, "beta": 1e-3})
    for _ in range(150):
        logs = vib.update(Labelled(), draws(0))
    assert (logs["accuracy"] == 1.0).all()
