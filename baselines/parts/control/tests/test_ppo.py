"""PPO: clipping by hand, a ratio of 1 at the start, the rules that stop by the KL, and seeds that stay apart."""

import pytest
import torch

from baselines.parts.control import ppo as module
from baselines.parts.control.policy import PolicyParams, policy
from baselines.parts.control.ppo import PPO, PPOParams, clipped_surrogate
from baselines.parts.fast import written_out
from baselines.parts.nets.optim import OptimizerParams
from harness.contracts import TaskSpec, initialise
from harness.run.seeds import CounterDraws

SPECS = {"gaussian": TaskSpec("t", (3,), 1, action_size=2), "categorical": TaskSpec("t", (3,), 1, n_actions=4)}
B = 40


def build(kind="gaussian", seeds=range(3), **params):
    draws = CounterDraws(seeds, "test")
    p = policy(len(seeds), SPECS[kind], PolicyParams(width=8))
    initialise(p, draws)
    params = {"minibatches": 4, "optimizer": OptimizerParams(lr=3e-3), **params}
    ppo = PPO(p, PPOParams(**params), torch.ones(len(seeds), dtype=torch.bool))
    o = draws.normal("data", "o", (B, 3))
    with torch.no_grad():
        actions = p.act(o, p.noise(draws, (B,), "a"))
    return ppo, p, (o, actions, draws.normal("data", "advantages", (B,))), draws


def update(ppo, p, batch, draws, bonus=0.0):
    return ppo.update(p.distribution(batch[0]), *batch, bonus, draws)


def vector(p, k):
    return torch.cat([t.detach()[k].flatten() for t in p.parameters()])


def test_clipping_by_hand():
    """Ratios 0.5, 1, 1.5 with clip 0.2, for A = 1 and A = -1 (Schulman et al. 2017, fig. 1)."""
    log_ratio = torch.tensor([[0.5, 1.0, 1.5]]).log().repeat(1, 2).requires_grad_()
    advantages = torch.tensor([[1.0, 1, 1, -1, -1, -1]])
    value = clipped_surrogate(log_ratio, advantages, 0.2)
    torch.testing.assert_close(value.detach(), torch.tensor([[0.5, 1.0, 1.2, -0.8, -1.0, -1.5]]))
    (slope,) = torch.autograd.grad(value.sum(), log_ratio)
    assert (slope != 0).tolist() == [[True, True, False, False, True, True]]


@pytest.mark.parametrize("kind", SPECS)
def test_the_ratio_is_one_before_the_first_step(kind, monkeypatch):
    """Exact up to the last bits in which products of matrices of other heights may differ."""
    seen = []
    monkeypatch.setattr(
        module, "clipped_surrogate", lambda x, *rest: seen.append(x.detach()) or clipped_surrogate(x, *rest)
    )
    surrogate, built = written_out.surrogate, build(kind, epochs=1)

    def watched(net, log_std, observations, actions, old, *rest):
        seen.append(built[1].log_prob(observations, actions).detach() - old)
        return surrogate(net, log_std, observations, actions, old, *rest)

    monkeypatch.setattr(written_out, "surrogate", watched)
    update(*built)
    assert seen[0].abs().max() < 1e-6 and seen[1].abs().max() > 1e-4


@pytest.mark.parametrize("kind", SPECS)
def test_an_update_raises_the_surrogate(kind):
    ppo, p, batch, draws = build(kind)
    old = tuple(t.detach() for t in p.distribution(batch[0]))
    logs = update(ppo, p, batch, draws)
    assert (logs["improvement"] > 0).all() and ppo.alive.all()
    torch.testing.assert_close(logs["kl_policy"], p.kl(old, p.distribution(batch[0])).mean(1).detach())


@pytest.mark.parametrize("rule", ["batch", "last_minibatch"])
def test_a_seed_stops_by_its_own_kl_and_moves_again_at_the_next_update(rule):
    """Larger advantages cannot reach the limit sooner under Adam, so one seed's KL is made to read larger."""
    ppo, p, batch, draws = build(epochs=6, kl_stop=rule, kl_limit=0.05)
    kl, factor, sizes = p.kl, torch.tensor([0.0, 1e6, 0.0]), []

    def scaled(old, new):
        sizes.append(new[0].shape[1])
        return kl(old, new) * factor.unsqueeze(1)

    p.kl = scaled
    one, q, same, _ = build(epochs=1)
    update(one, q, same, draws)
    update(ppo, p, batch, draws)
    assert set(sizes[:-1]) == {B if rule == "batch" else B // 4} and len(sizes) == 7
    free, r, same, _ = build(epochs=6)
    update(free, r, same, draws)
    # at step 0 the first of six epochs has the order of an update of one epoch
    assert torch.equal(vector(p, 1), vector(q, 1)) and torch.equal(vector(p, 0), vector(r, 0))
    assert ppo.alive.all()
    draws.step = 1
    before = vector(p, 1)
    update(ppo, p, batch, draws)
    assert not torch.equal(vector(p, 1), before)


@pytest.mark.parametrize("kind", SPECS)
def test_a_seed_alone_is_that_seed_in_a_stack(kind):
    stack, alone = build(kind), build(kind, seeds=[1])
    for step in range(3):
        for built in (stack, alone):
            built[3].step = step
            update(*built)
    torch.testing.assert_close(vector(stack[1], 1), vector(alone[1], 0), rtol=1e-3, atol=1e-4)


def test_a_dead_seed_stands_still_and_the_others_do_not_notice():
    calm, p, batch, draws = build()
    ill, q, (o, actions, advantages), _ = build()
    sick = advantages.clone()
    sick[1] = torch.nan
    before = vector(q, 1)
    for step, a in enumerate((sick, advantages)):
        draws.step = step
        update(calm, p, batch, draws)
        update(ill, q, (o, actions, a), draws)
    assert ill.alive.tolist() == [True, False, True] and torch.equal(vector(q, 1), before)
    for k in (0, 2):
        torch.testing.assert_close(vector(p, k), vector(q, k))


def test_a_bonus_widens_the_policy():
    ppo, p, (o, actions, advantages), draws = build()
    before = p.log_std.detach().clone()
    update(ppo, p, (o, actions, 0 * advantages), draws, bonus=0.1)
    assert (p.log_std > before).all()


@pytest.mark.parametrize("kind", SPECS)
def test_advantages_standardised_by_minibatch_forget_their_scale_and_mean(kind):
    """Standardised over each minibatch, so any affine map of the advantages gives the same update."""
    made = {}
    for how in ("as_given", "standardised"):
        for scale, shift in ((1.0, 0.0), (5.0, 3.0)):
            ppo, p, (o, actions, advantages), draws = build(kind, minibatch_advantages=how)
            update(ppo, p, (o, actions, scale * advantages + shift), draws)
            made[how, scale] = torch.stack([vector(p, k) for k in range(3)])
    torch.testing.assert_close(made["standardised", 1.0], made["standardised", 5.0], rtol=1e-3, atol=1e-4)
    assert (made["as_given", 1.0] - made["as_given", 5.0]).abs().max() > 1e-2
    assert (made["as_given", 1.0] - made["standardised", 1.0]).abs().max() > 1e-3
