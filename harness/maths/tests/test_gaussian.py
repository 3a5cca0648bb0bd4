"""The KL against the values derived in closed form and against torch.distributions."""

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from harness.maths.gaussian import kl_to_standard_normal, reparameterise


@pytest.mark.parametrize(
    "mean, log_std, kl",
    [
        (0.0, 0.0, 0.0),
        (1.0, 0.0, 0.5),
        (0.0, -1.0, 1 + 0.5 * math.exp(-2) - 0.5),
        (-3.0, 1.0, 4.5 + 0.5 * math.e**2 - 1.5),
    ],
)
def test_closed_forms(mean, log_std, kl):
    value = kl_to_standard_normal(torch.tensor(mean, dtype=torch.float64), torch.tensor(log_std, dtype=torch.float64))
    assert abs(value - kl) < 1e-14


def test_equals_the_library():
    generator = torch.Generator().manual_seed(0)
    mean, log_std = torch.randn(2, 3, 4, 5, generator=generator, dtype=torch.float64)
    expected = kl_divergence(Normal(mean, log_std.exp()), Normal(0.0, 1.0))
    torch.testing.assert_close(kl_to_standard_normal(mean, log_std), expected, rtol=1e-12, atol=1e-12)


def test_small_kl_keeps_its_digits():
    """Near sigma = 1 the KL is log_std^2: in float32 exp(2x) - 1 - 2x would cancel to nothing."""
    log_std = torch.tensor([1e-3])
    torch.testing.assert_close(kl_to_standard_normal(torch.zeros(1), log_std), log_std.square(), rtol=2e-3, atol=0)


def test_sample_is_mean_plus_std_times_noise():
    z = reparameterise(torch.tensor([1.0]), torch.tensor([math.log(3.0)]), torch.tensor([-2.0]))
    torch.testing.assert_close(z, torch.tensor([-5.0]))


def test_mean_and_log_std_are_not_interchangeable():
    a, b = torch.tensor([0.5]), torch.tensor([-0.7])
    assert not torch.isclose(kl_to_standard_normal(a, b), kl_to_standard_normal(b, a))
    assert not torch.isclose(reparameterise(a, b, a), reparameterise(b, a, a))
