"""The sum of loss, penalties and beta KL, and the order of a critic step."""

import itertools
import math

import pytest
import torch

from baselines.parts.adversarial.adversary import Adversary, AdversaryParams
from baselines.parts.adversarial.losses import LOSSES
from baselines.parts.nets.perceptron import MLPBody, MLPParams
from harness.contracts import bind, initialise
from harness.run.seeds import CounterDraws

SHAPE = (1, 4, 4)
NET = MLPParams(kind="mlp", width=6, depth=1)
CODE = {"size": 3, "beta": 0.2, "kl_reduce": "per_sample"}
DUAL = {**CODE, "i_c": 0.01, "dual_step": 0.1}
PENALTIES = {
    "none": {},
    "r1": {"r1": {"weight": 3.0, "half": False}},
    "r2": {"r2": {"weight": 3.0, "half": True}},
    "interpolated": {"interpolated": {"weight": 10.0}},
    "all": {"r1": {"weight": 1, "half": True}, "r2": {"weight": 1, "half": True}, "interpolated": {"weight": 1}},
}


def draws(step=0):
    d = CounterDraws((0, 1), "test")
    d.step = step
    return d


def batch(name):
    return draws().normal("data", name, (5, *SHAPE))


def build(**params):
    params = {"loss": "non_saturating", "critic_optimizer": {"lr": 0.01}, **params}
    adversary = Adversary(2, MLPBody(2, SHAPE, NET), AdversaryParams(**params))
    initialise(adversary, draws())
    bind(adversary, torch.ones(2, dtype=torch.bool))
    return adversary


@pytest.mark.parametrize("loss, penalty, code", [*itertools.product(LOSSES, PENALTIES, [None, DUAL])])
def test_every_composition_makes_a_finite_step(loss, penalty, code):
    adversary = build(loss=loss, penalties=PENALTIES[penalty], bottleneck=code)
    before = {k: v.clone() for k, v in adversary.critic.state_dict().items()}
    logs = adversary.update(batch("real"), batch("fake"), draws(), "t")
    fake = batch("fake").requires_grad_()
    adversary.generator_loss(fake, batch("more") if adversary.needs_real else None, draws(), "g").sum().backward()
    assert all(v.shape == (2,) and torch.isfinite(v).all() and not v.requires_grad for v in logs.values())
    assert torch.isfinite(fake.grad).all() and fake.grad.abs().max() > 0
    assert ("penalty" in logs) == (penalty != "none") and ("beta" in logs) == (code is not None)
    assert adversary.alive.all() and not torch.equal(adversary.critic.head.weight, before["head.weight"])


def test_objective_is_the_sum_of_its_parts():
    """E[loss] + E[penalty] + beta (E_real[KL] + E_fake[KL]) / 2 : half real, half fake, both logged."""
    adversary = build(bottleneck=CODE, penalties=PENALTIES["all"])
    total, logs = adversary.objective(batch("real"), batch("fake"), draws(), "t")
    torch.testing.assert_close(logs["kl"], (logs["kl_real"] + logs["kl_fake"]) / 2)
    for half, tag in (("real", "kl_real"), ("fake", "kl_fake")):
        torch.testing.assert_close(logs[tag], adversary.critic.encode(batch(half), None, "").kl.mean(1))
    assert (logs["kl_real"] - logs["kl_fake"]).abs().min() > 1e-4
    torch.testing.assert_close(total.detach(), logs["loss_critic"] + logs["penalty"] + 0.2 * logs["kl"])


def test_mean_scale_halves_the_loss_and_nothing_else():
    logs = [
        build(bottleneck=CODE, ce_scale=s).objective(batch("r"), batch("f"), draws(), "t")[1] for s in ("sum", "mean")
    ]
    torch.testing.assert_close(logs[0]["loss_critic"], 2 * logs[1]["loss_critic"])
    torch.testing.assert_close(logs[0]["kl"], logs[1]["kl"])


def test_the_loss_uses_the_old_beta():
    """Order of the released code: this step's loss has the beta from before it, then beta moves by this step's KL."""
    adversary = build(bottleneck=DUAL)
    total, logs = adversary.objective(batch("real"), batch("fake"), draws(), "t")
    step = adversary.update(batch("real"), batch("fake"), draws(), "t")
    torch.testing.assert_close(total.detach(), logs["loss_critic"] + 0.2 * logs["kl"])
    torch.testing.assert_close(step["beta"], torch.full((2,), 0.2))
    torch.testing.assert_close(adversary.critic.bottleneck.beta, 0.2 + 0.1 * (logs["kl"] - 0.01))


def test_beta_carries_no_gradient_and_kl_reaches_the_encoder():
    adversary = build(bottleneck=CODE)
    total, _ = adversary.objective(batch("real"), batch("fake"), draws(), "t")
    total.sum().backward()
    assert adversary.critic.bottleneck.beta.grad is None
    assert adversary.critic.code.rho.weight.grad.abs().max() > 0


def test_a_bound_out_of_reach_drives_beta_to_zero():
    """An infinite I_c leaves no constraint."""
    adversary = build(bottleneck={**DUAL, "i_c": 1e6, "dual_step": 1e-8})
    for step in range(30):
        adversary.update(batch("real"), batch("fake"), draws(step), "t")
    assert adversary.critic.bottleneck.beta.tolist() == [0.0, 0.0]


def test_noise_is_on_for_critic_and_generator():
    """Both meet a sample of z, of their own; the paper's reading gives the generator the mean."""
    adversary, paper = build(bottleneck=CODE), build(bottleneck={**CODE, "generator_z": "mean"})
    losses = [adversary.objective(batch("r"), batch("f"), draws(), tag)[1]["loss_critic"] for tag in "ab"]
    assert not torch.equal(*losses)
    steps = [[a.generator_loss(batch("f"), None, draws(), tag) for tag in "ab"] for a in (adversary, paper)]
    assert not torch.equal(*steps[0]) and torch.equal(*steps[1])


def test_penalty_is_taken_through_the_sampled_code():
    """R1 under other noise is another number; with the noise off it is the same."""

    def penalties(**code):
        adversary = build(bottleneck={**CODE, **code}, penalties=PENALTIES["r1"])
        return [adversary.objective(batch("r"), batch("f"), draws(), tag)[1]["penalty"] for tag in "ab"]

    assert not torch.allclose(*penalties()) and torch.equal(*penalties(noise=False))


def test_r1_and_r2_weigh_their_own_side():
    adversary = build(penalties=PENALTIES["r1"], head="linear")
    other = build(penalties=PENALTIES["r2"], head="linear")
    r, f = batch("r"), batch("f")
    both = [a.objective(x, y, draws(), "t")[1]["penalty"] for a, x, y in ((adversary, r, f), (other, f, r))]
    torch.testing.assert_close(both[0], 2 * both[1])  # weight 3, without and with the 1/2


def test_code_differences_are_scored():
    """T-GAN: D(e_r - e_f) and D(e_f - e_r)."""
    adversary = build(loss="t_sgan", head="mlp", code_size=3)
    z_r, z_f = (adversary.critic.encode(batch(side), None, "").z for side in "rf")
    r, f = adversary.scores(z_r, z_f)
    torch.testing.assert_close(r, adversary.critic.score(z_r - z_f))
    torch.testing.assert_close(f, adversary.critic.score(z_f - z_r))


def test_accuracy_thresholds_logits_at_zero():
    """The critic's scores are logits, so D = 1/2 is at 0."""
    r, f = torch.tensor([[0.3, -0.1]]), torch.tensor([[-2.0, 0.4]])
    assert build()._accuracy(r, f) == 0.5 and build()._accuracy(r, f - 0.5) == 0.75
    assert build(loss="rsgan")._accuracy(r, f) == 0.5  # pairs: 0.3 > -2, -0.1 < 0.4


@pytest.mark.parametrize("penalty", ["none", "all"])
def test_fakes_are_detached_in_the_critic_step(penalty):
    """A generator's output goes in as it is, and comes out with its graph unused and without a gradient."""
    adversary, w = build(penalties=PENALTIES[penalty]), torch.ones(1, requires_grad=True)
    fake = batch("fake") * w
    adversary.update(batch("real"), fake, draws(), "t")
    assert w.grad is None and fake.requires_grad
    fake.sum().backward()
    assert w.grad is not None


def test_clipping_follows_the_step():
    adversary = build(loss="wasserstein", clip=0.05)
    adversary.update(batch("real"), batch("fake"), draws(), "t")
    assert max(float(p.detach().abs().max()) for p in adversary.critic.parameters()) == pytest.approx(0.05)


def test_equal_codes_start_even():
    """At C(r) = C(f) the relativistic loss is ln 2 per pair, whatever the weights."""
    loss = build(loss="rsgan").objective(batch("x"), batch("x"), draws(), "t")[1]["loss_critic"]
    torch.testing.assert_close(loss, torch.full((2,), math.log(2)))


def test_equal_inputs_meet_noise_of_their_own():
    """The codes of two equal images differ, so the pairs are not even."""
    loss = build(loss="rsgan", bottleneck=CODE).objective(batch("x"), batch("x"), draws(), "t")[1]["loss_critic"]
    assert (loss - math.log(2)).abs().min() > 1e-4
