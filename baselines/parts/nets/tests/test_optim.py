"""Optimisers over seeds: stock steps, norms per seed, a dead seed held, schedules, weight clipping."""

import pytest
import torch

from baselines.parts.nets.optim import Decay, OptimizerParams, SeedOptimizer, clip_weights

STOCK = {"adam": torch.optim.Adam, "rmsprop": torch.optim.RMSprop, "sgd": torch.optim.SGD}


def parameters(n=3):
    generator = torch.Generator().manual_seed(0)
    return [torch.nn.Parameter(torch.randn(n, *shape, generator=generator)) for shape in ((4, 2), (4,))]


def loss_of(ps, scale=None):
    """[S]"""
    loss = sum(p.pow(4).flatten(1).sum(1) for p in ps)
    return loss if scale is None else loss * scale


@pytest.mark.parametrize("name", STOCK)
def test_steps_are_the_stock_ones(name):
    ours, theirs = parameters(), parameters()
    optimizer = SeedOptimizer(ours, OptimizerParams(name=name, lr=0.01), torch.ones(3, dtype=torch.bool))
    stock = STOCK[name](theirs, lr=0.01)
    for step in range(5):
        optimizer.step(loss_of(ours), step)
        stock.zero_grad()
        loss_of(theirs).sum().backward()
        stock.step()
    for a, b in zip(ours, theirs):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-7)


def test_norm_is_per_seed():
    ps = parameters()
    optimizer = SeedOptimizer(ps, OptimizerParams(lr=0.01), torch.ones(3, dtype=torch.bool))
    expected = torch.stack([torch.cat([4 * p.detach()[k].pow(3).flatten() for p in ps]).norm() for k in range(3)])
    torch.testing.assert_close(optimizer.step(loss_of(ps), 0), expected)


@pytest.mark.parametrize("name", STOCK)
@pytest.mark.parametrize("dies", [0, 4])
@pytest.mark.parametrize("how", ["loss", "gradient"])
def test_a_seed_that_is_not_finite_is_held_and_the_others_do_not_notice(name, dies, how):
    params = OptimizerParams(name=name, lr=0.01, momentum=0.9)
    alone, ps = parameters(), parameters()
    healthy = SeedOptimizer(alone, params, torch.ones(3, dtype=torch.bool))
    alive = torch.ones(3, dtype=torch.bool)
    optimizer = SeedOptimizer(ps, params, alive)
    for step in range(8):
        healthy.step(loss_of(alone), step)
        scale = torch.ones(3)
        loss = loss_of(ps)
        if step == dies:
            before = [p.detach().clone() for p in ps]
            if how == "loss":
                scale[1] = torch.nan
                loss = loss * scale
            else:  # finite loss, infinite gradient: the root at zero
                loss = loss + torch.stack([loss[0] * 0, (ps[1][1] - ps[1][1].detach()).abs().sum().sqrt(), loss[2] * 0])
        optimizer.step(loss, step)
    assert alive.tolist() == [True, False, True]
    for p, q, old in zip(ps, alone, before):
        assert torch.equal(p[1], old[1])
        assert torch.equal(p[[0, 2]], q[[0, 2]])
    if dies > 0:
        for p in ps:
            for moment in optimizer.optimizer.state[p].values():
                assert moment is None or torch.isfinite(moment).all()


def test_only_its_own_parameters_get_gradients():
    """A generator step leaves the critic's gradients as they are."""
    ps, other = parameters(), torch.nn.Parameter(torch.ones(3))
    optimizer = SeedOptimizer(ps, OptimizerParams(lr=0.01), torch.ones(3, dtype=torch.bool))
    optimizer.step(loss_of(ps, other), 0)
    assert other.grad is None


def test_the_rate_falls_like_a_staircase():
    params = OptimizerParams(lr=1.0, decay=Decay(factor=0.5, every_steps=3))
    assert [params.lr_at(step) for step in range(7)] == [1, 1, 1, 0.5, 0.5, 0.5, 0.25]
    ps = parameters()
    optimizer = SeedOptimizer(
        ps, params.model_copy(update={"name": "sgd", "momentum": 0.0}), torch.ones(3, dtype=torch.bool)
    )
    before = ps[0].detach().clone()
    optimizer.step(ps[0].flatten(1).sum(1) + ps[1].sum(1), 6)
    torch.testing.assert_close(ps[0], before - 0.25)


def test_clip_weights():
    ps = parameters()
    before = [p.detach().clone() for p in ps]
    clip_weights(ps, 0.5, torch.tensor([True, False, True]))
    for p, old in zip(ps, before):
        assert old.abs().amax(tuple(range(1, old.dim()))).gt(0.5).all()
        assert torch.equal(p[0::2], old[0::2].clamp(-0.5, 0.5))
        assert torch.equal(p[1], old[1])  # a seed that is out keeps its last state


def test_a_long_gradient_is_shortened_for_its_seed_alone():
    ps, free = parameters(), parameters()
    clipped = SeedOptimizer(ps, OptimizerParams(name="sgd", lr=1.0, clip_norm=2.0), torch.ones(3, dtype=torch.bool))
    plain = SeedOptimizer(free, OptimizerParams(name="sgd", lr=1.0), torch.ones(3, dtype=torch.bool))
    scale, before = torch.tensor([1e-3, 1.0, 100.0]), [p.detach().clone() for p in ps]
    norm = clipped.step(loss_of(ps, scale), 0)
    torch.testing.assert_close(norm, plain.step(loss_of(free, scale), 0))
    moved = torch.stack([(p.detach() - old).flatten(1).norm(dim=1) for p, old in zip(ps, before)]).norm(dim=0)
    assert norm[0] < 2 < norm[1]
    torch.testing.assert_close(moved, norm.clamp(max=2.0), rtol=1e-5, atol=0)
    assert all(torch.equal(a[0], b[0]) for a, b in zip(ps, free))
