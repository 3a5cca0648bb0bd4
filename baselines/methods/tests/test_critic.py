"""The critic between two fixed Gaussians: it finds the log density ratio."""

import torch

from baselines.methods.critic import FixedAdversary, Params
from harness.contracts import TaskSpec
from harness.run.seeds import CounterDraws

BLOCK = {
    "algorithm": "critic",
    "loss": "non_saturating",
    "net": {"kind": "mlp", "width": 16, "depth": 1, "activation": "relu"},
    "head": "linear",
    "batch": 256,
    "critic_optimizer": {"lr": 0.01},
}


class TwoGaussians:
    """Unit variance at +-1: the optimal logit is log p(x) / q(x) = 2 x."""

    def batch(self, draws, size, name="batch"):
        return {side: s + draws.normal("data", side, (size, 1)) for side, s in (("real", 1.0), ("fake", -1.0))}


def build(**params):
    return FixedAdversary(
        Params(**{**BLOCK, **params}), TaskSpec("gaussians", (1,), 500), CounterDraws((0, 1), "t"), torch.device("cpu")
    )


def test_it_approaches_the_log_density_ratio():
    method, draws = build(), CounterDraws((0, 1), "t")
    for draws.step in range(300):
        logs = method.update(TwoGaussians(), draws)
    x = torch.linspace(-1.5, 1.5, 31)[:, None]
    with torch.no_grad():
        error = (method.scores(x) - 2 * x.T).abs().mean(1)
    assert (error < 0.4).all() and (logs["accuracy"] > 0.75).all()


def test_scores_are_those_of_the_mean_code_and_differentiable():
    method = build(bottleneck={"size": 4, "beta": 0.1})
    x = torch.randn(5, 1, requires_grad=True)
    scores = method.scores(x)
    assert torch.equal(scores, method.scores(x)) and scores.shape == (2, 5)
    (slope,) = torch.autograd.grad(scores[0].sum(), x)
    assert slope.abs().min() > 0 and method.kl(x).shape == (2, 5)
    assert build().kl(x) is None
