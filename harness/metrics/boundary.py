"""Describe the critic between two Gaussians (Peng et al. 2019, Fig. 2) and compare it with two closed forms.

D = sigmoid(logit at the mean code). Expectations over a class are integrals over its Gaussian by the trapezoid rule.
They have no sampling error and are accurate in the tail, where a steep critic has all its gradient.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import expit
from scipy.stats import norm
from torch import Tensor

from harness.contracts import CriticOutputs, Score
from harness.metrics.evaluation import Evaluation
from harness.tasks.gaussians import Gaussians

GRID = np.linspace(-4, 4, 401)  # holds 0
DEVIATES = np.linspace(-6, 6, 2001)
WEIGHTS = norm.pdf(DEVIATES) / norm.pdf(DEVIATES).sum()


def compute(ev: Evaluation[Gaussians, CriticOutputs]) -> dict[str, Score]:
    """Return D and its slope, the gradients that a generator would get and, with a bottleneck, the KL and bounds on D.

    The scores far_gradient_* are the mean over the generator's class of |d log(1 - D)/dx| = D |l'| and of |d log D/dx|
    = (1 - D) |l'|, where l is the logit. The scores bound_* are D at the class mean if the measured KL (nat) is used
    optimally, either in many code dimensions of unit variance or in one dimension whose variance shrinks.
    """
    mean, std = ev.task.params.mean, ev.task.params.std
    logit, slope = _logits(ev, GRID)
    d_slope = np.abs(expit(logit) * expit(-logit) * slope)
    fake_logit, fake_slope = _logits(ev, std * DEVIATES - mean)
    at_means, _ = _logits(ev, np.array([-mean, mean, 0.0]))
    values = {
        "far_gradient_log_1_minus_d": (expit(fake_logit) * np.abs(fake_slope)) @ WEIGHTS,
        "far_gradient_log_d": (expit(-fake_logit) * np.abs(fake_slope)) @ WEIGHTS,
        "d_at_minus_2": expit(at_means[:, 0]),
        "d_at_plus_2": expit(at_means[:, 1]),
        "d_at_0": expit(at_means[:, 2]),
        "slope_at_0": d_slope[:, len(GRID) // 2],
        "max_slope": d_slope.max(1),
    }
    kl = ev.outputs.kl(_column(ev, np.concatenate([std * DEVIATES - mean, std * DEVIATES + mean])))
    if kl is not None:
        kl = kl.double().cpu().numpy() @ np.tile(WEIGHTS, 2) / 2
        values |= {"kl": kl, "bound_many_dims": expit(4 * kl), "bound_one_dim": expit(2 * np.expm1(2 * kl))}
    return {name: _score(ev, name, v) for name, v in values.items()}


def panels(ev: Evaluation[Gaussians, CriticOutputs]) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Return D(x) [S, P] on [-4, 4]."""
    x = GRID[::5]
    return [("D(x)", x, expit(_logits(ev, x)[0]))]


FLOORS = {
    "d_at_minus_2": 0.5,
    "d_at_plus_2": 0.5,
    "d_at_0": 0.5,
    "bound_many_dims": 0.5,
    "bound_one_dim": 0.5,
}  # D = 1/2
LABELS = {
    "far_gradient_log_1_minus_d": "mean |d log(1 - D)/dx| on the generator's class",
    "far_gradient_log_d": "mean |d log D/dx| on the generator's class",
    "d_at_minus_2": "D at the generator's mean",
    "d_at_plus_2": "D at the data's mean",
    "d_at_0": "D at 0",
    "slope_at_0": "|dD/dx| at 0",
    "max_slope": "largest |dD/dx| on [-4, 4]",
    "kl": "KL, both classes (nat)",
    "bound_many_dims": "sigmoid(4 KL)",
    "bound_one_dim": "sigmoid(2 (exp(2 KL) - 1))",
}


def _score(ev: Evaluation[Gaussians, CriticOutputs], name: str, values: np.ndarray) -> Score:
    floor = FLOORS.get(name, 0.0)
    values = np.where(np.isfinite(values), values, floor)
    manifest = {"points": f"integral over {len(DEVIATES)} points a class", "data": ev.task.data_hash}
    return Score(values, _direction(name), floor, LABELS[name], name == "far_gradient_log_1_minus_d", manifest)


def _direction(name: str) -> bool | None:
    """Return True for the gradients, which are better when higher; the other scores only describe the critic."""
    return True if name.startswith("far") else None


def _column(ev: Evaluation[Gaussians, CriticOutputs], x: np.ndarray) -> Tensor:
    return torch.as_tensor(x, dtype=torch.float32, device=ev.device)[:, None]


def _logits(ev: Evaluation[Gaussians, CriticOutputs], x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return logits [S, P] and their derivatives at x [P], float64."""
    points = _column(ev, x)
    # Forward mode keeps the seeds apart: backward, a broken seed's NaN would reach all through the shared x.
    logits, slopes = torch.func.jvp(ev.outputs.scores, (points,), (torch.ones_like(points),))
    return logits.detach().double().cpu().numpy(), slopes.detach().double().cpu().numpy()
