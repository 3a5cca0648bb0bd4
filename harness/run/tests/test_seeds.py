"""Draws are a function of (seed, stream, name, step, index) and of nothing else."""

import itertools

import pytest
import torch

from harness.contracts import STREAMS, BenchError, Draws
from harness.run.seeds import CounterDraws

KINDS = {
    "uniform": lambda d, shape: d.uniform("latent", "a", shape),
    "normal": lambda d, shape: d.normal("latent", "a", shape),
    "integers": lambda d, shape: d.integers("latent", "a", shape, 1000),
}


def at(step, seeds=(0, 1, 2), scope="1/task", lookahead=16):
    draws = CounterDraws(seeds, scope, lookahead=lookahead)
    draws.step = step
    return draws


def correlation(a, b):
    return torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1].abs()


def test_it_is_a_draws():
    assert isinstance(at(0), Draws) and at(0).n_seeds == 3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(5,), (4, 3, 2), ()])
def test_a_seed_draws_the_same_alone_in_a_stack_and_at_any_moment(kind, shape):
    """Bit-equal whatever the stack, the history, and whether the step is drawn ahead or by itself."""
    draw, stacked = KINDS[kind], CounterDraws((0, 1, 2), "1/task")
    for step in (0, 1, 15, 16, 40, 2**33 + 5):
        stacked.step = step
        values = draw(stacked, shape)
        assert values.shape == (3, *shape)
        for place, seed in enumerate((0, 1, 2)):
            assert torch.equal(values[place], draw(at(step, (seed,)), shape)[0])
            assert torch.equal(values[place], draw(at(step, (seed,), lookahead=1), shape)[0])


@pytest.mark.parametrize("kind", KINDS)
def test_large_draws_are_the_same_alone_and_ahead(kind):
    assert torch.equal(KINDS[kind](at(21), (64, 33)), KINDS[kind](at(21, lookahead=1), (64, 33)))


def test_everything_in_the_key_changes_the_draw():
    """Pairs of draws that differ in one part of their key are uncorrelated: |r| < 5 / sqrt(n)."""
    shape = (10_000,)
    draws = {
        "base": at(0, (0,)).normal("latent", "a", shape),
        "seed": at(0, (1,)).normal("latent", "a", shape),
        "step": at(1, (0,)).normal("latent", "a", shape),
        "far step": at(2**32, (0,)).normal("latent", "a", shape),
        "name": at(0, (0,)).normal("latent", "b", shape),
        "scope": at(0, (0,), "1/other").normal("latent", "a", shape),
        **{s: at(0, (0,)).normal(s, "a", shape) for s in STREAMS if s != "latent"},
    }
    for (one, a), (other, b) in itertools.combinations(draws.items(), 2):
        assert correlation(a, b) < 0.05, (one, other)


def test_neighbouring_indices_are_uncorrelated():
    x = at(0, (0,)).normal("latent", "a", (10_001,))[0]
    assert correlation(x[:-1], x[1:]) < 0.05


def test_integers_are_uniform():
    counts = at(0, (0,)).integers("data", "i", (70_000,), 7).flatten().bincount(minlength=7)
    # Chi-square with 6 degrees of freedom: above 38 with probability 1e-6.
    assert len(counts) == 7 and ((counts - 10_000).float().square() / 10_000).sum() < 38


def test_permutation():
    draws = at(0)
    first, second = (draws.permutation("data", "x", 1200, epoch) for epoch in (0, 1))
    for order in (*first, *second):
        assert torch.equal(order.sort().values, torch.arange(1200))
    assert not torch.equal(first[0], second[0]) and not torch.equal(first[0], first[1])
    assert not torch.equal(first, draws.permutation("data", "y", 1200, 0))
    later = at(999)
    assert torch.equal(first, later.permutation("data", "x", 1200, 0))  # whatever the step
    assert torch.equal(first[1:2], at(0, (1,)).permutation("data", "x", 1200, 0))


def test_permutation_moves_samples_evenly():
    """The mean place of sample 0 over many epochs is the middle: sd of the mean is n / sqrt(12 epochs)."""
    draws, n, epochs = at(0, (0,)), 100, 200
    places = torch.stack([(draws.permutation("data", "x", n, e)[0] == 0).nonzero()[0, 0] for e in range(epochs)])
    assert abs(places.double().mean() - (n - 1) / 2) < 5 * n / (12 * epochs) ** 0.5


def test_at_moves_nothing():
    draws, twin = at(3), at(3)
    other = draws.at(1000)
    assert not torch.equal(other.normal("eval", "z", (8,)), draws.at(1001).normal("eval", "z", (8,)))
    assert (draws.step, other.step) == (3, 1000)
    assert torch.equal(draws.normal("latent", "a", (8,)), twin.normal("latent", "a", (8,)))


def test_torch_global_generator_is_neither_read_nor_moved():
    state = torch.random.get_rng_state()
    values = at(0).normal("latent", "a", (9,))
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(1234)
    assert torch.equal(values, at(0).normal("latent", "a", (9,)))


@pytest.mark.parametrize("seeds", [(), (-1,), (2**32,)])
def test_seeds_outside_the_range_are_refused(seeds):
    with pytest.raises(BenchError, match="seeds"):
        CounterDraws(seeds, "1/task")


def test_unknown_stream_is_refused():
    with pytest.raises(ValueError, match="unknown stream 'latnet'"):
        at(0).normal("latnet", "a", (1,))
