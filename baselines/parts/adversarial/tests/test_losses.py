"""Every GAN loss against its formula, its value at zero, its sign and its roles."""

import math

import pytest
import torch
import torch.nn.functional as F

from baselines.parts.adversarial.losses import LOSSES

R = torch.tensor([[0.3, -1.2, 2.0, 5.0], [0.0, 0.7, -0.4, 1.1]], dtype=torch.float64)
FAKE = torch.tensor([[-0.8, 0.5, 1.5, -3.0], [0.2, -0.9, 0.6, 0.1]], dtype=torch.float64)
LN2 = math.log(2)
log_d = F.logsigmoid


def log_not_d(x):
    return F.logsigmoid(-x)


def bce(x, target):
    return F.binary_cross_entropy_with_logits(x, torch.full_like(x, target), reduction="none")


def mean(x):
    return x.mean(1, keepdim=True)


# loss -> (critic, generator), written with -log D instead of softplus.
FORMULAS = {
    "minimax": (lambda r, f: -log_d(r) - log_not_d(f), lambda r, f: log_not_d(f)),
    "non_saturating": (lambda r, f: -log_d(r) - log_not_d(f), lambda r, f: -log_d(f)),
    "hinge": (lambda r, f: (1 - r).clamp_min(0) + (1 + f).clamp_min(0), lambda r, f: -f),
    "least_squares": (lambda r, f: ((r - 1) ** 2 + f**2) / 2, lambda r, f: (f - 1) ** 2),
    "wasserstein": (lambda r, f: -(r - f), lambda r, f: -f),
    "rsgan": (lambda r, f: -log_d(r - f), lambda r, f: -log_d(f - r)),
    "rasgan": (
        lambda r, f: (bce(r - mean(f), 1) + bce(f - mean(r), 0)) / 2,
        lambda r, f: (bce(r - mean(f), 0) + bce(f - mean(r), 1)) / 2,
    ),
    "ralsgan": (
        lambda r, f: ((r - mean(f) - 1) ** 2 + (f - mean(r) + 1) ** 2) / 2,
        lambda r, f: ((r - mean(f) + 1) ** 2 + (f - mean(r) - 1) ** 2) / 2,
    ),
    # r, f are the scores of e_r - e_f and of e_f - e_r.
    "t_sgan": (lambda r, f: -log_d(r) - log_not_d(f), lambda r, f: -log_not_d(r) - log_d(f)),
    "t_wgan": (lambda r, f: -(r - f), lambda r, f: r - f),
}


@pytest.mark.parametrize("name", LOSSES)
def test_formula(name):
    loss, (critic, generator) = LOSSES[name], FORMULAS[name]
    assert loss.critic(R, FAKE).shape == R.shape
    torch.testing.assert_close(loss.critic(R, FAKE), critic(R, FAKE), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(loss.generator(R, FAKE), generator(R, FAKE), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_real_and_fake_are_not_interchangeable(name):
    assert (LOSSES[name].critic(R, FAKE).mean(1) - LOSSES[name].critic(FAKE, R).mean(1)).abs().min() > 0.1
    assert (LOSSES[name].generator(R, FAKE).mean(1) - LOSSES[name].generator(FAKE, R).mean(1)).abs().min() > 0.1


@pytest.mark.parametrize("name", LOSSES)
def test_a_high_score_means_real(name):
    """The critic wants r up and f down, the generator f up."""
    r, f = torch.full((2, 2, 3), 0.5, dtype=torch.float64, requires_grad=True)
    by_r, by_f = torch.autograd.grad(LOSSES[name].critic(r, f).mean(1).sum(), (r, f))
    assert by_r.max() < 0 < by_f.min()
    (by_f,) = torch.autograd.grad(LOSSES[name].generator(r, f).mean(1).sum(), f)
    assert by_f.max() < 0


@pytest.mark.parametrize(
    "name, critic, generator",
    [
        ("minimax", 2 * LN2, -LN2),
        ("non_saturating", 2 * LN2, LN2),
        ("rsgan", LN2, LN2),
        ("rasgan", LN2, LN2),
        ("t_sgan", 2 * LN2, 2 * LN2),
    ],
)
def test_values_at_equal_scores(name, critic, generator):
    """The values at D = 1/2. RSGAN is ln 2 wherever r = f."""
    level = 3.0 if name in ("rsgan", "rasgan") else 0.0
    x = torch.full((2, 3), level, dtype=torch.float64)
    assert (LOSSES[name].critic(x, x) - critic).abs().max() < 1e-15
    assert (LOSSES[name].generator(x, x) - generator).abs().max() < 1e-15


@pytest.mark.parametrize("logit", [-30.0, -200.0])
def test_non_saturating_keeps_its_gradient_far_away(logit):
    """-1 where -log(sigmoid + 1e-8) has 1e-5 left; and minimax has lost its own there."""
    for name, expected in (("non_saturating", -1.0), ("minimax", 0.0)):
        f = torch.tensor([[logit]], requires_grad=True)
        LOSSES[name].generator(f, f).sum().backward()
        assert abs(float(f.grad) - expected) < 1e-6


@pytest.mark.parametrize("name", ["rasgan", "ralsgan"])
def test_average_relativistic_losses_read_batch_means(name):
    """RaGAN is no synonym of RSGAN: the order of the fakes does not matter to it, to pairs it does."""
    order = [2, 0, 3, 1]
    critic = LOSSES[name].critic
    torch.testing.assert_close(critic(R, FAKE[:, order]).mean(1), critic(R, FAKE).mean(1))
    pairs = LOSSES["rsgan"].critic
    assert (pairs(R, FAKE[:, order]).mean(1) - pairs(R, FAKE).mean(1)).abs().max() > 0.01
    # Per seed: the other seed's batch is not in the mean.
    torch.testing.assert_close(critic(R, FAKE)[1:], critic(R[1:], FAKE[1:]))


@pytest.mark.parametrize("name", LOSSES)
def test_needs_real_says_what_the_generator_reads(name):
    reads = not torch.equal(LOSSES[name].generator(R, FAKE), LOSSES[name].generator(R + 1, FAKE))
    assert reads == LOSSES[name].needs_real
