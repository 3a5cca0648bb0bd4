"""Advantages and returns: hand-worked values, a naive loop, a two-state MDP, and the ends of episodes."""

import pytest
import torch

from harness.maths.returns import discounted_sum, episode_return, episode_times, gae, normalise


def naive(rewards, values, next_values, terminated, truncated, gamma, lam):
    """sum_k (gamma lam)^k delta_{t+k}, written out sample by sample."""
    out = torch.zeros_like(rewards)
    S, T, E = rewards.shape
    for s, t, e in torch.cartesian_prod(torch.arange(S), torch.arange(T), torch.arange(E)).tolist():
        weight = 1.0
        for k in range(t, T):
            ahead = 0.0 if terminated[s, k, e] else next_values[s, k, e]
            out[s, t, e] += weight * (rewards[s, k, e] + gamma * ahead - values[s, k, e])
            weight *= gamma * lam
            if terminated[s, k, e] or truncated[s, k, e]:
                break
    return out


def example(shape=(2, 7, 3)):
    g = torch.Generator().manual_seed(0)
    r, v, n = (torch.randn(shape, generator=g, dtype=torch.float64) for _ in range(3))
    terminated, truncated = (torch.rand(shape, generator=g) < 0.25 for _ in range(2))
    return r, v, n, terminated, truncated


@pytest.mark.parametrize("lam", [0.0, 0.9, 1.0])
def test_gae_is_the_sum_written_out(lam):
    args = example()
    assert (args[3] & args[4]).any()
    torch.testing.assert_close(gae(*args, 0.97, lam), naive(*args, 0.97, lam))


def column(*values, dtype=torch.float64):
    return torch.tensor(values, dtype=dtype).view(1, -1, 1)


def flags(*values):
    return column(*values, dtype=torch.bool)


def test_by_hand():
    """gamma = lam = 1/2, V = 1 everywhere, V(s') = 2: delta = 1 + 1 - 1 = 1; the last has none ahead: 0."""
    ones = column(1, 1, 1)
    got = gae(ones, ones, 2 * ones, flags(0, 0, 1), flags(0, 0, 0), 0.5, 0.5)
    torch.testing.assert_close(got, column(1.25, 1.0, 0.0))
    torch.testing.assert_close(discounted_sum(ones, flags(0, 1, 0), 0.5), column(1.5, 1.0, 1.0))


def test_ends():
    """A time limit counts on with V(s' before reset), an end does not, and an end wins if both are set."""
    one, nothing, there = column(1.0), flags(0), flags(1)
    got = [
        gae(one, 0 * one, 10 * one, over, cut, 0.9, 1.0).item()
        for over, cut in ((nothing, nothing), (nothing, there), (there, nothing), (there, there))
    ]
    assert got == pytest.approx([10.0, 10.0, 1.0, 1.0])


@pytest.mark.parametrize("kind", ["terminated", "truncated"])
def test_nothing_flows_back_over_an_end(kind):
    r, v, n, none = *(column(0.0, 0, 0, 0) for _ in range(3)), flags(0, 0, 0, 0)
    ends = flags(0, 1, 0, 0)
    changed = r + column(0.0, 0, 5, 5)
    over, cut = (ends, none) if kind == "terminated" else (none, ends)
    assert torch.equal(gae(r, v, n, over, cut, 0.9, 0.9)[:, :2], gae(changed, v, n, over, cut, 0.9, 0.9)[:, :2])


def test_not_finite_values_beyond_an_end_do_not_matter():
    got = gae(column(1.0), column(0.0), column(torch.nan), flags(1), flags(0), 0.9, 1.0)
    assert got.item() == 1.0


@pytest.mark.parametrize("lam", [0.0, 0.5, 1.0])
def test_two_states(lam):
    """Alternating states with rewards 1 and 0 for ever: V = (1, gamma) / (1 - gamma^2), so no step has an advantage,
    though the record is cut off; and without the values the sum is that of the geometric series."""
    gamma, T = 0.9, 40
    value = torch.tensor([1.0, gamma], dtype=torch.float64) / (1 - gamma**2)
    state = torch.arange(T) % 2
    r, v, n = ((x[...]).view(1, T, 1) for x in ((state == 0).double(), value[state], value[1 - state]))
    cut = torch.zeros(1, T, 1, dtype=torch.bool)
    cut[:, -1] = True
    advantages = gae(r, v, n, torch.zeros_like(cut), cut, gamma, lam)
    torch.testing.assert_close(advantages, torch.zeros_like(r), atol=1e-12, rtol=0)
    left = (1 - gamma**T) / (1 - gamma**2)
    assert discounted_sum(r, cut, gamma)[0, 0, 0].item() == pytest.approx(left)


def test_lambda_one_is_return_minus_value():
    r, v, _, terminated, _ = example()
    ahead = torch.cat([v[:, 1:], torch.zeros_like(v[:, :1])], 1)
    got = gae(r, v, ahead, terminated, torch.zeros_like(terminated), 0.9, 1.0)
    torch.testing.assert_close(got, discounted_sum(r, terminated, 0.9) - v)


def test_times_and_returns_of_episodes():
    ends = torch.stack([flags(0, 1, 0, 0, 1)[0], flags(0, 0, 0, 0, 0)[0], flags(1, 1, 0, 0, 0)[0]])
    assert episode_times(ends)[..., 0].tolist() == [[0, 1, 0, 1, 2], [0, 1, 2, 3, 4], [0, 0, 0, 1, 2]]
    rewards = torch.ones(3, 5, 1)
    assert episode_return(rewards, ends).tolist() == pytest.approx([2.5, 5.0, 5 / 3])


def test_normalise():
    a = torch.tensor([[1.0, 2.0, 3.0, 6.0], [4.0, 4.0, 4.0, 4.0]])
    torch.testing.assert_close(normalise(a, "standardised")[0], torch.tensor([-2.0, -1, 0, 3]) / 3.5**0.5)
    assert torch.equal(normalise(a, "standardised")[1], torch.zeros(4))
    assert normalise(a, "centred").tolist() == [[-2, -1, 0, 3], [0, 0, 0, 0]] and normalise(a, "raw") is a
