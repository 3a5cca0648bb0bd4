"""The toy's measures on critics with closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm

from harness.metrics.evaluate import evaluate
from harness.run.seeds import CounterDraws
from harness.tasks.gaussians import Params, build

TASK = build("toy", Params(family="gaussians", seeds=[0], steps=1, mean=2.0, std=0.5), None)


class Linear:
    """Logit a x for each seed, KL c x^2 or none."""

    def __init__(self, slopes, c=None):
        self.slopes, self.c = torch.tensor(slopes), c

    def scores(self, x):
        return self.slopes[:, None] * x[:, 0]

    def kl(self, x):
        return None if self.c is None else self.c * x[:, 0].square().expand(len(self.slopes), -1)


def values(outputs, n=2):
    found = evaluate(TASK, outputs, CounterDraws(range(n), "toy", lookahead=1))
    return {name: score.values for name, score in found.scores.items()}, found


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_linear_critics():
    of, found = values(Linear([1.0, 20.0]))
    np.testing.assert_allclose(of["d_at_plus_2"], [sigmoid(2), sigmoid(40)], rtol=1e-6)
    np.testing.assert_allclose(of["d_at_minus_2"], [sigmoid(-2), sigmoid(-40)], rtol=1e-6)
    np.testing.assert_allclose(of["slope_at_0"], [0.25, 5.0], rtol=1e-6)
    np.testing.assert_allclose(of["max_slope"], [0.25, 5.0], rtol=1e-6)
    # d log(1 - D)/dx = -D a; the logits are float32.
    for name, side in (("far_gradient_log_1_minus_d", 1), ("far_gradient_log_d", -1)):
        for a, value in zip((1.0, 20.0), of[name]):

            def density(x, a=a, side=side):
                return a * sigmoid(side * a * x) * norm.pdf(x, -2, 0.5)

            expected = quad(density, -5, 1, points=[-2], epsabs=1e-12)[0]
            assert value == pytest.approx(expected, rel=1e-6)
    name, x, y = found.panels[0]
    assert name == "D(x)" and x[0] == -4 and x[-1] == 4
    np.testing.assert_allclose(y, sigmoid(np.outer([1, 20], x)), rtol=1e-4)
    assert "kl" not in of and found.scores["far_gradient_log_1_minus_d"].headline


def test_kl_over_both_classes_and_the_bounds_at_it():
    of, _ = values(Linear([1.0], c=0.02), 1)
    kl = 0.02 * (4 + 0.25)  # c E x^2
    assert of["kl"][0] == pytest.approx(kl, rel=1e-6)
    # D = 0.85 needs a KL of 0.312 in one dimension and of 0.434 in many.
    one, many = (values(Linear([1.0], c=k / 4.25), 1)[0] for k in (0.312, 0.434))
    assert one["bound_one_dim"][0] == pytest.approx(0.85, abs=2e-3)
    assert many["bound_many_dims"][0] == pytest.approx(0.85, abs=2e-3)


def test_a_broken_seed_counts_at_the_floor():
    of, found = values(Linear([1.0, float("nan")], c=0.1))
    assert all(
        of[name][1] == score.floor for name, score in found.scores.items() if name != "kl" and "bound" not in name
    )
    assert of["slope_at_0"][0] == pytest.approx(0.25)
