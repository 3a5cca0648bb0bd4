"""TRPO: Fisher products against the explicit matrix, conjugate gradients, the line search, seeds apart."""

import pytest
import torch

from baselines.parts.control.policy import PolicyParams, policy
from baselines.parts.control.trpo import TRPO, FisherProduct, TRPOParams, conjugate_gradient, flat
from harness.contracts import TaskSpec, initialise
from harness.run.seeds import CounterDraws

SPECS = {"gaussian": TaskSpec("t", (3,), 1, action_size=2), "categorical": TaskSpec("t", (3,), 1, n_actions=4)}
B = 40


def build(kind, seeds=range(3), **params):
    """(trpo, policy, batch): a small policy and samples of it with made-up advantages that its seed alone decides."""
    draws = CounterDraws(seeds, "test")
    p = policy(len(seeds), SPECS[kind], PolicyParams(width=4, **params.pop("policy", {})))
    initialise(p, draws)
    if kind == "gaussian":
        p.log_std.data += 0.3 * draws.normal("init", "spread", (2,))
    trpo = TRPO(p, TRPOParams(**params), torch.ones(len(seeds), dtype=torch.bool))
    o = draws.normal("data", "o", (B, 3))
    with torch.no_grad():
        actions = p.act(o, p.noise(draws, (B,), "a"))
    return trpo, p, (o, actions, draws.normal("data", "advantages", (B,)))


def update(trpo, p, batch, bonus=0.0):
    return trpo.update(p.distribution(batch[0]), *batch, bonus, None)


def vector(p, k):
    return torch.cat([t.detach()[k].flatten() for t in p.parameters()])


def explicit_fisher(kind, p, o, k):
    """E_o E_a[grad log pi grad log pi^T]: the inner mean exact, over all actions or by Gauss-Hermite nodes."""
    total = 0.0
    for b in range(o.shape[1]):
        point = o[:, b : b + 1]
        if kind == "categorical":
            cases = [(a.expand(len(o), 1, 4), None) for a in torch.eye(4)]
        else:  # third-order nodes integrate polynomials to degree 5; ours have degree 4
            nodes, weights = (-(3.0**0.5), 0.0, 3.0**0.5), (1 / 6, 2 / 3, 1 / 6)
            cases = [
                (p.act(point, torch.tensor([u, v]).expand(len(o), 1, 2)).detach(), wu * wv)
                for u, wu in zip(nodes, weights)
                for v, wv in zip(nodes, weights)
            ]
        for action, weight in cases:
            log_prob = p.log_prob(point, action)[k, 0]
            score = flat(torch.autograd.grad(log_prob, list(p.parameters())))[k]
            total = total + (log_prob.exp().detach() if weight is None else weight) * torch.outer(score, score)
    return total / o.shape[1]


@pytest.mark.parametrize("kind", SPECS)
def test_fisher_product_is_that_of_the_explicit_matrix(kind):
    _, p, (o, _, _) = build(kind)
    o = o[:, :6]
    product = FisherProduct(p, list(p.parameters()), p.distribution(o), 0.0)
    n = vector(p, 0).numel()
    columns = torch.stack([product(torch.eye(n)[i].expand(3, n)) for i in range(n)], 2)
    for k in range(3):
        torch.testing.assert_close(columns[k], explicit_fisher(kind, p, o, k), rtol=1e-4, atol=1e-5)
    damped = FisherProduct(p, list(p.parameters()), p.distribution(o), 0.5)
    v = columns[:, 0]
    torch.testing.assert_close(damped(v), product(v) + 0.5 * v)


@pytest.mark.parametrize("kind", SPECS)
def test_fisher_product_is_the_hessian_of_the_mean_kl(kind):
    _, p, (o, _, _) = build(kind)
    parameters = list(p.parameters())
    old = tuple(t.detach() for t in p.distribution(o))
    slope = flat(torch.autograd.grad(p.kl(old, p.distribution(o)).mean(1).sum(), parameters, create_graph=True))
    v = torch.randn(slope.shape, generator=torch.Generator().manual_seed(0))
    hessian = flat(torch.autograd.grad((slope * v).sum(), parameters))
    torch.testing.assert_close(FisherProduct(p, parameters, p.distribution(o), 0.0)(v), hessian, rtol=1e-4, atol=1e-5)


def test_conjugate_gradient_solves_each_seed():
    g = torch.Generator().manual_seed(0)
    root, b = (torch.randn(3, 6, *more, generator=g, dtype=torch.float64) for more in ((6,), ()))
    a = root @ root.mT + torch.eye(6)
    a[1], b[2] = torch.eye(6), 0.0  # solved in one iteration, and solved at the start
    x = conjugate_gradient(lambda v: (a @ v.unsqueeze(2)).squeeze(2), b, 30, 1e-20)
    torch.testing.assert_close(x, torch.linalg.solve(a, b))


def test_conjugate_gradient_stops_per_seed():
    """A seed whose residual is small enough stands still while the others go on, and they do not notice it."""
    a = torch.diag_embed(torch.tensor([[1.0, 10.0, 100.0], [1.0, 1.0, 1.0]]))
    b = torch.ones(2, 3)
    seen = []

    def product(v):
        seen.append(v.clone())
        return (a @ v.unsqueeze(2)).squeeze(2)

    x = conjugate_gradient(product, b, 3, 1e-8)
    assert len(seen) == 3 and torch.equal(seen[1][1], seen[2][1])
    torch.testing.assert_close(x, torch.tensor([[1.0, 0.1, 0.01], [1.0, 1.0, 1.0]]), rtol=1e-4, atol=1e-5)
    assert torch.equal(x[:1], conjugate_gradient(lambda v: (a[:1] @ v.unsqueeze(2)).squeeze(2), b[:1], 3, 1e-8))


@pytest.mark.parametrize("kind", SPECS)
def test_after_the_step_the_kl_is_within_bounds_and_the_surrogate_higher(kind):
    trpo, p, batch = build(kind, trust_region=0.02)
    o, actions, advantages = batch
    old = tuple(t.detach() for t in p.distribution(o))
    logs = update(trpo, p, batch)
    with torch.no_grad():
        new = p.distribution(o)
        kl = p.kl(old, new).mean(1)
        gain = (((p.log_density(new, actions) - p.log_density(old, actions)).exp() - 1) * advantages).mean(1)
    torch.testing.assert_close(logs["kl_policy"], kl)
    torch.testing.assert_close(logs["improvement"], gain, rtol=1e-3, atol=1e-6)
    assert (kl <= 0.02).all() and (kl > 0.005).all() and (gain > 0).all()


def test_the_first_try_has_the_length_of_the_trust_region(monkeypatch):
    """(1/2) s^T F s = delta: for a small region the KL of the full step is delta."""
    trpo, p, batch = build("gaussian", trust_region=1e-8, backtrack_tries=1)
    p.double()
    batch = [x.double() for x in batch]
    kls, kl = [], p.kl
    monkeypatch.setattr(p, "kl", lambda old, new: kls.append(kl(old, new).mean(1)) or kl(old, new))
    update(trpo, p, batch)
    torch.testing.assert_close(kls[0], torch.full((3,), 1e-8, dtype=torch.float64), rtol=0.01, atol=0)


def test_the_step_is_the_natural_gradient():
    trpo, p, batch = build("categorical", policy={"depth": 0}, trust_region=1e-4, cg_iterations=60, cg_damping=1e-3)
    o, actions, advantages = batch
    gradient = flat(torch.autograd.grad((p.log_prob(o, actions) * advantages).mean(1).sum(), list(p.parameters())))
    before = torch.stack([vector(p, k) for k in range(3)])
    matrix = [explicit_fisher("categorical", p, o, k) + 1e-3 * torch.eye(before.shape[1]) for k in range(3)]
    update(trpo, p, batch)
    for k in range(3):
        natural = torch.linalg.solve(matrix[k], gradient[k])
        assert torch.cosine_similarity(vector(p, k) - before[k], natural, dim=0) > 0.999


def test_a_line_search_that_fails_keeps_the_parameters():
    """For one seed no step is good enough: its bits do not move, and the others' steps are what they were."""
    free, p, batch = build("gaussian")
    update(free, p, batch)
    held, q, batch = build("gaussian")
    kl = q.kl
    q.kl = lambda old, new: kl(old, new) + torch.tensor([0.0, 1.0, 0.0]).unsqueeze(1)
    before = vector(q, 1)
    logs = update(held, q, batch)
    assert torch.equal(vector(q, 1), before) and held.alive.all()
    assert logs["improvement"][1] == 0 and logs["kl_policy"][1] == 0
    for k in (0, 2):
        assert torch.equal(vector(p, k), vector(q, k))


def test_backtracking_shortens_per_seed():
    """A seed held to a tighter bound by a larger KL takes the step times 0.8^n."""
    free, p, batch = build("gaussian")
    start = [vector(p, k) for k in range(3)]
    update(free, p, batch)
    tight, q, batch = build("gaussian")
    kl = q.kl
    q.kl = lambda old, new: kl(old, new) * torch.tensor([1.0, 2.5, 1.0]).unsqueeze(1)
    update(tight, q, batch)
    ratio = (vector(q, 1) - start[1]).norm() / (vector(p, 1) - start[1]).norm()
    power = torch.log(ratio) / torch.log(torch.tensor(0.8))
    assert power.round() >= 1 and abs(power - power.round()) < 1e-2
    assert torch.equal(vector(p, 0), vector(q, 0))


@pytest.mark.parametrize("kind", SPECS)
def test_a_seed_alone_is_that_seed_in_a_stack(kind):
    stack, p, batch = build(kind)
    alone, q, single = build(kind, seeds=[1])
    for _ in range(3):
        update(stack, p, batch)
        update(alone, q, single)
    # float32 sums of another order, which ten conjugate gradient iterations enlarge
    torch.testing.assert_close(vector(p, 1), vector(q, 0), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("when", ["before", "now"])
def test_a_dead_seed_stands_still_and_the_others_do_not_notice(when):
    calm, p, batch = build("gaussian")
    update(calm, p, batch)
    ill, q, (o, actions, advantages) = build("gaussian")
    advantages[1] = torch.nan if when == "now" else advantages[1]
    ill.alive[1] = when == "now"
    before = vector(q, 1)
    update(ill, q, (o, actions, advantages))
    assert ill.alive.tolist() == [True, False, True] and torch.equal(vector(q, 1), before)
    for k in (0, 2):
        assert torch.equal(vector(p, k), vector(q, k))


def test_no_advantage_no_step():
    trpo, p, (o, actions, advantages) = build("gaussian")
    before = vector(p, 0)
    update(trpo, p, (o, actions, 0 * advantages))
    assert torch.equal(vector(p, 0), before) and trpo.alive.all()


def test_a_bonus_widens_the_policy():
    trpo, p, (o, actions, advantages) = build("gaussian")
    before = p.log_std.detach().clone()
    update(trpo, p, (o, actions, 0 * advantages), bonus=0.1)
    assert (p.log_std > before).all()


def test_fisher_matrix_of_every_kth_sample():
    trpo, p, batch = build("gaussian", fisher_every=4)
    logs = update(trpo, p, batch)
    assert (logs["kl_policy"] <= 0.01).all() and (logs["improvement"] > 0).all()
