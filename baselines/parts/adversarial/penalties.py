"""Gradient penalties of a critic, one value per sample [S, B], which can be differentiated once more."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from harness.contracts import Settings

TINY = 1e-12


class ZeroCentred(Settings):
    """The penalty weight * ||grad D(x)||^2, or half of it if `half` is true.

    Mescheder et al. (2018, Eq. 9) include the half: (gamma / 2) ||grad D(x)||^2. The image code that Peng et al. (2019)
    released has weight 10 without it, which is gamma = 20.
    """

    weight: float = Field(ge=0)
    half: bool

    @property
    def coefficient(self) -> float:
        return self.weight * (0.5 if self.half else 1.0)


class Interpolated(Settings):
    """The penalty weight * (||grad D(x_i)|| - target)^2 at random points x_i between real and fake.

    Gulrajani et al. (2017), Eq. 3.

    sides: two, or one to penalise only norms above the target.
    """

    weight: float = Field(ge=0)
    target: float = Field(1.0, ge=0)
    sides: Literal["one", "two"] = "two"

    @property
    def coefficient(self) -> float:
        return self.weight


class PenaltyParams(Settings):
    """The penalties; None omits one.

    r1: the penalty on the real side.
    r2: the penalty on the fake side.
    interpolated: the penalty between the two sides.
    """

    r1: ZeroCentred | None = None
    r2: ZeroCentred | None = None
    interpolated: Interpolated | None = None


def squared_gradient(score: Tensor, x: Tensor) -> Tensor:
    """Return ||d score / d x||^2 of score [S, B] and x [S, B, ...], summed over all axes but seed and batch: [S, B]."""
    (gradient,) = torch.autograd.grad(score.sum(), x, create_graph=True)
    return gradient.flatten(2).square().sum(2)


def interpolate(real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
    """Return epsilon * real + (1 - epsilon) * fake, [S, B, ...], with one epsilon [S, B] per sample.

    The result is a leaf of the graph that requires a gradient.
    """
    epsilon = epsilon.view(*epsilon.shape, *[1] * (real.dim() - 2))
    return (epsilon * real + (1 - epsilon) * fake).detach().requires_grad_()


def norm_penalty(squared: Tensor, params: Interpolated) -> Tensor:
    """Return (||grad|| - target)^2 from the squared norm [S, B]. The root has a finite slope where the gradient is
    zero.
    """
    excess = (squared + TINY).sqrt() - params.target
    return (excess.relu() if params.sides == "one" else excess).square()
