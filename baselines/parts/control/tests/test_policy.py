"""Policies: densities, KL and entropy against torch.distributions, samples, Fisher information, initial values."""

import pytest
import torch
from torch.distributions import Categorical, Independent, Normal, kl_divergence

from baselines.parts.control.policy import CategoricalPolicy, GaussianPolicy, PolicyParams, policy
from harness.contracts import BenchError, TaskSpec, initialise
from harness.run.seeds import CounterDraws

SPECS = {"gaussian": TaskSpec("t", (3,), 1, action_size=2), "categorical": TaskSpec("t", (4,), 1, n_actions=5)}
DRAWS = CounterDraws(range(3), "test")


def build(kind, seeds=range(3), **params):
    p = policy(len(seeds), SPECS[kind], PolicyParams(**params))
    initialise(p, CounterDraws(seeds, "test"))
    if kind == "gaussian":
        p.log_std.data += 0.3 * CounterDraws(seeds, "test").normal("init", "spread", (2,))
    return p


def inputs(kind, n=7):
    return DRAWS.normal("data", "o", (n, *SPECS[kind].shape))


def stock(kind, distribution):
    if kind == "gaussian":
        return Independent(Normal(distribution[0], distribution[1].exp()), 1)
    return Categorical(logits=distribution[0])


@pytest.mark.parametrize("kind", SPECS)
def test_densities_kl_and_entropy_are_those_of_torch(kind):
    p, o = build(kind), inputs(kind)
    actions = p.act(o, p.noise(DRAWS, (7,), "a"))
    old, new = p.distribution(o), p.distribution(o + 0.5)
    theirs = actions if kind == "gaussian" else actions.argmax(2)
    torch.testing.assert_close(p.log_prob(o, actions), stock(kind, old).log_prob(theirs))
    torch.testing.assert_close(p.kl(old, new), kl_divergence(stock(kind, old), stock(kind, new)))
    torch.testing.assert_close(p.entropy(old), stock(kind, old).entropy())
    assert actions.shape == (3, 7, p.n_out) and p.log_prob(o, actions).shape == (3, 7)
    if kind == "gaussian":  # with another spread too
        wider = old[0] + 0.1, old[1] + 0.4
        torch.testing.assert_close(p.kl(old, wider), kl_divergence(stock(kind, old), stock(kind, wider)))


@pytest.mark.parametrize("kind", SPECS)
def test_fisher_information_is_the_hessian_of_the_kl(kind):
    """Of the distribution's own parameters, along tangents that keep a categorical normalised."""
    p, o = build(kind), inputs(kind, 1)
    z = tuple(t.detach() for t in p.distribution(o))
    tangent = tuple(DRAWS.normal("noise", f"v{i}", t.shape[1:]) for i, t in enumerate(z))
    if kind == "categorical":
        tangent = (tangent[0] - (z[0].exp() * tangent[0]).sum(2, keepdim=True),)

    def along(size):
        moved = tuple(a.double() + size * b.double() for a, b in zip(z, tangent))
        if kind == "categorical":
            moved = (torch.log_softmax(moved[0], 2),)
        return p.kl(tuple(a.double() for a in z), moved)

    second = (along(1e-4) + along(-1e-4) - 2 * along(0.0)) / 1e-8
    ours = sum((u * v).sum(2) for u, v in zip(p.fisher(z, tangent), tangent))
    torch.testing.assert_close(ours, second.float(), rtol=1e-3, atol=1e-3)


def test_gumbel_draws_have_the_right_frequencies():
    p, n = build("categorical"), 20_000
    o = inputs("categorical", 1)
    actions = p.act(o.expand(3, n, 4), p.noise(DRAWS, (n,), "a"))
    wanted = p.distribution(o)[0].exp().squeeze(1)
    assert torch.equal(actions.sum(2), torch.ones(3, n)) and actions.max() == 1
    # five standard deviations of a frequency, at most 5 * 0.5 / sqrt(n)
    torch.testing.assert_close(actions.mean(1), wanted, atol=5 * 0.5 / n**0.5, rtol=0)


def test_gumbel_noise_is_finite_where_a_uniform_rounds_to_one():
    class Ones:
        def uniform(self, stream, name, shape):
            return torch.ones(3, *shape)

    assert torch.isfinite(build("categorical").noise(Ones(), (2,), "a")).all()


def test_gaussian_draws_have_the_learnt_mean_and_spread():
    p, n = build("gaussian", initial_std=0.5), 20_000
    o = inputs("gaussian", 1)
    actions = p.act(o.expand(3, n, 3), p.noise(DRAWS, (n,), "a"))
    mean, log_std = (t.squeeze(1) for t in p.distribution(o))
    torch.testing.assert_close(actions.mean(1), mean, atol=5 * log_std.exp().max().item() / n**0.5, rtol=0)
    torch.testing.assert_close(actions.std(1), log_std.exp(), rtol=0.03, atol=0)


@pytest.mark.parametrize("kind", SPECS)
def test_without_noise_the_mode(kind):
    p, o = build(kind), inputs(kind)
    first = p.distribution(o)[0]
    wanted = first if kind == "gaussian" else torch.nn.functional.one_hot(first.argmax(2), 5).float()
    assert torch.equal(p.act(o, None), wanted)


@pytest.mark.parametrize("kind", SPECS)
def test_a_seed_is_itself_in_a_stack(kind):
    stack, alone, o = build(kind), build(kind, seeds=[1]), inputs(kind)
    noise = stack.noise(DRAWS, (7,), "a")
    assert torch.equal(noise[1:2], alone.noise(CounterDraws([1], "test"), (7,), "a"))
    torch.testing.assert_close(stack.act(o, noise)[1:2], alone.act(o[1:2], noise[1:2]))


@pytest.mark.parametrize("kind", SPECS)
def test_a_distribution_stays_while_the_parameters_move(kind):
    """The KL to the old policy would be 0 if the old one moved along."""
    p, o = build(kind), inputs(kind)
    old = tuple(t.detach() for t in p.distribution(o))
    before = [t.clone() for t in old]
    for parameter in p.parameters():
        parameter.data += 1.0
    assert all(torch.equal(a, b) for a, b in zip(old, before))


def test_initial_spread_and_which_kind():
    p = policy(2, SPECS["gaussian"], PolicyParams(initial_std=2.0))
    assert isinstance(p, GaussianPolicy) and p.logs()["policy_std"].tolist() == pytest.approx([2.0, 2.0])
    assert isinstance(policy(2, SPECS["categorical"], PolicyParams()), CategoricalPolicy)
    with pytest.raises(BenchError, match="action_size or n_actions"):
        policy(2, TaskSpec("images", (1, 8, 8), 1), PolicyParams())


def test_depth_zero_is_a_table_for_one_hot_states():
    p = build("categorical", depth=0)
    logits = p.net.weight.mT + p.net.bias.unsqueeze(1)
    torch.testing.assert_close(p.distribution(torch.eye(4).expand(3, 4, 4))[0], torch.log_softmax(logits, 2))


@pytest.mark.parametrize("depth", [0, 2])
def test_the_last_layer_starts_smaller_by_its_scale_and_the_others_alike(depth):
    made = []
    for scale in (1.0, 0.01):
        p = policy(2, TaskSpec("t", (3,), 1, action_size=2), PolicyParams(width=8, depth=depth, last_scale=scale))
        initialise(p, CounterDraws((0, 1), "test"))
        made.append(dict(p.net.named_parameters()))
    for name, value in made[0].items():
        last = depth == 0 or name.startswith("out")
        torch.testing.assert_close(made[1][name], value * (0.01 if last else 1.0))
