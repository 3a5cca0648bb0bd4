"""Value functions: the linear one against numpy's least squares, order and dead seeds; the net and its clipping."""

import numpy as np
import pytest
import torch

from baselines.parts.control.value import LinearParams, ValueNetParams, minibatches, value_function, value_loss
from baselines.parts.nets.optim import OptimizerParams
from harness.contracts import bind, initialise
from harness.run.seeds import CounterDraws

S, T, E, N_IN = 3, 20, 6, 2
DRAWS = CounterDraws(range(S), "test")


def batch():
    o = 8 * DRAWS.normal("data", "o", (T, E, N_IN))  # some beyond the clip at 10
    return o, torch.arange(T).view(1, T, 1).expand(S, T, E), DRAWS.normal("data", "y", (T, E))


def build(params=None, alive=None):
    b = value_function(S, N_IN, params or LinearParams())
    initialise(b, DRAWS)
    bind(b, torch.ones(S, dtype=torch.bool) if alive is None else alive)
    return b


def test_linear_is_ridge_regression():
    o, t, y = batch()
    b = build()
    assert torch.equal(b(o, t), torch.zeros(S, T, E))
    b.fit(o, t, b(o, t), y, DRAWS)
    for k in range(S):
        x, c = np.clip(o[k].double().numpy().reshape(-1, N_IN), -10, 10), t[k].numpy().reshape(-1, 1) / 100
        features = np.concatenate([x, x**2, c, c**2, c**3, np.ones_like(c)], 1)
        # ridge as ordinary least squares with sqrt(ridge) I below
        system = np.concatenate([features, np.sqrt(1e-5) * np.eye(features.shape[1])])
        right = np.concatenate([y[k].double().numpy().ravel(), np.zeros(features.shape[1])])
        wanted = np.linalg.lstsq(system, right, rcond=None)[0]
        np.testing.assert_allclose(b.coefficients[k].numpy(), wanted, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(b(o, t)[k].numpy().ravel(), features @ wanted, atol=1e-5)


def test_linear_takes_columns_without_information():
    """A coordinate that is always 0 (the mazes' z) and one-hot rows (o = o^2) have singular normal equations."""
    o, t, y = batch()
    b = build()
    b.fit(0 * o, t, b(o, t), y, DRAWS)
    assert torch.isfinite(b.coefficients).all() and b.alive.all()


def test_the_ridge_grows_until_the_solution_is_finite(monkeypatch):
    tried, solve = [], torch.linalg.solve_ex

    def fails_twice_for_one(a, y):
        found, info = solve(a, y)
        tried.append(a[1, 0, 0].item())
        if len(tried) < 3:
            found[1] = torch.nan
        return found, info

    o, t, y = batch()
    calm, b = build(), build()
    calm.fit(o, t, y, y, DRAWS)
    monkeypatch.setattr(torch.linalg, "solve_ex", fails_twice_for_one)
    b.fit(o, t, y, y, DRAWS)
    assert np.diff(tried) == pytest.approx([9e-5, 9e-4], rel=1e-3)
    assert torch.equal(b.coefficients[[0, 2]], calm.coefficients[[0, 2]])  # those solved at once keep the small ridge
    x = b._features(o, t)[1].numpy()
    wanted = np.linalg.solve(x.T @ x + 1e-3 * np.eye(x.shape[1]), x.T @ y[1].double().numpy().ravel())
    np.testing.assert_allclose(b.coefficients[1].numpy(), wanted, rtol=1e-6)
    assert b.alive.all()


def test_a_dead_seed_keeps_its_coefficients_and_one_without_solution_dies():
    o, t, y = batch()
    alive = torch.tensor([True, False, True])
    b = build(alive=alive)
    b.fit(o, t, y, torch.where(torch.tensor([False, False, True]).view(S, 1, 1), torch.nan, y), DRAWS)
    assert alive.tolist() == [True, False, False]
    assert b.coefficients[0].abs().sum() > 0 and b.coefficients[1:].abs().sum() == 0


def test_value_net_learns_and_a_dead_seed_does_not():
    o, t, _ = batch()
    o, alive = o / 8, torch.tensor([True, False, True])
    y = o.sum(3)
    b = build(ValueNetParams(kind="mlp", width=16, epochs=10, optimizer=OptimizerParams(lr=0.01)), alive)
    before, weight = b(o, t), b.net.out.weight.detach().clone()
    b.fit(o, t, before, y, DRAWS)
    error = [(v - y).square().mean((1, 2)) for v in (before, b(o, t))]
    assert (error[1] < 0.1 * error[0]).tolist() == [True, False, True]
    assert torch.equal(b.net.out.weight[1], weight[1]) and not b(o, t).requires_grad


def test_value_clipping_by_hand():
    """Old 0, target 1, clip 0.2: from 0.5 on the clipped error (1 - 0.2)^2 is the larger; at -0.5 the free one."""
    new = torch.tensor([[0.1, 0.5, -0.5]])
    got = value_loss(new, torch.zeros(1, 3), torch.ones(1, 3), 0.2)
    torch.testing.assert_close(got, 0.5 * torch.tensor([[0.81, 0.64, 2.25]]))
    torch.testing.assert_close(value_loss(new, torch.zeros(1, 3), torch.ones(1, 3), None), 0.5 * (1 - new).square())


def test_minibatches_cover_each_epoch_and_differ_by_epoch_and_step():
    def orders(step):
        draws = CounterDraws(range(S), "test")
        draws.step = step
        return [rows for (rows,) in minibatches(draws, "t", (torch.arange(10).expand(S, 10),), 2, 4)]

    parts = orders(0)
    assert len(parts) == 8 and torch.equal(torch.cat(parts[:4], 1).sort(1).values, torch.arange(10).expand(S, 10))
    epochs = [torch.cat(p, 1) for p in (parts[:4], parts[4:], orders(1)[:4])]
    assert not any(torch.equal(epochs[a], epochs[b]) for a, b in ((0, 1), (0, 2), (1, 2)))
    x = torch.arange(S * 10 * 2).view(S, 10, 2)
    rows, same = next(minibatches(CounterDraws(range(S), "test"), "t", (x, x[..., 0] // 2 % 10), 2, 4))
    assert torch.equal(same, parts[0]) and torch.equal(rows[1, 2], x[1, parts[0][1, 2]])
