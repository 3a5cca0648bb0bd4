"""Scale observations to zero mean and unit variance, and rewards to unit variance of the return, as seen so far."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from harness.contracts import Settings


class ScaleParams(Settings):
    """The parameters of a running scale.

    clip: normalised values are clipped to +- this many standard deviations.
    floor: the smallest standard deviation; a coordinate that hardly varied is divided by it.
    """

    clip: float = Field(10.0, gt=0)
    floor: float = Field(1e-4, gt=0)


class NormaliserParams(ScaleParams):
    """The parameters of the normaliser of observations.

    source: whose observations count. `policy` counts what the policy observes, update by update. `expert` counts the
        demonstrations once, before the first update. `both` counts the policy's new observations and the demonstrations
        again after each update, so that both keep their share.
    """

    source: Literal["policy", "expert", "both"] = "policy"


class RewardScaleParams(ScaleParams):
    """The parameters of the scale of rewards.

    memory: earlier statistics decay by 1 / memory per update, for rewards that shrink as a discriminator gets better;
        None keeps them for good.
    """

    memory: float | None = Field(None, gt=1)


class Normaliser(nn.Module):
    """Mean and sum of squared deviations for each seed and coordinate, [S, O] float64, over `count` [S] observations.

    They are Welford's sums, merged batch by batch (Chan et al. 1983). They change only in `absorb`, which the owner
    calls once per update after everything else, so that an update normalises all observations in the same way. Before
    the first call, observations are returned unchanged.

    untouched: how many of the last coordinates are never normalised.
    """

    count: Tensor
    mean: Tensor
    squares: Tensor

    def __init__(self, n_seeds: int, n_observations: int, params: ScaleParams, untouched: int = 0):
        super().__init__()
        self.clip, self.floor, self.untouched = params.clip, params.floor, untouched
        self.register_buffer("count", torch.zeros(n_seeds, dtype=torch.float64))
        self.register_buffer("mean", torch.zeros(n_seeds, n_observations, dtype=torch.float64))
        self.register_buffer("squares", torch.zeros(n_seeds, n_observations, dtype=torch.float64))

    @property
    def std(self) -> Tensor:
        """The standard deviation [S, O] of all observations; 1 where nothing varied."""
        count = self.count.clamp(min=1).unsqueeze(1)
        return torch.where(self.squares > 0, (self.squares / count).sqrt(), 1.0).clamp(min=self.floor)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x [S, ..., O] float32, or [1, ..., O] if all seeds share it."""
        return self.transform(x.dim())(x)

    def transform(self, dim: int) -> Callable[[Tensor], Tensor]:
        """Return what `forward` does to tensors of `dim` axes until the next `absorb`, with its constants computed
        once.
        """
        between = [1] * (dim - 2)
        shift, factor = self.mean.clone(), 1 / self.std
        if self.untouched:
            shift[:, -self.untouched :], factor[:, -self.untouched :] = 0.0, 1.0
        mean, scale = (t.float().view(len(t), *between, -1) for t in (shift, factor))
        return lambda x: ((x - mean) * scale).clamp(-self.clip, self.clip)

    @torch.no_grad()
    def absorb(self, x: Tensor, alive: Tensor) -> None:
        """Count x [S, B, O], or [1, B, O] if all seeds share it, for the seeds that are `alive` [S]."""
        x = x.double()
        n, mean = x.shape[1], x.mean(1)
        squares = (x - mean.unsqueeze(1)).square().sum(1)
        total = self.count + n
        move = mean - self.mean
        share = (n / total).unsqueeze(1)
        new = self.mean + move * share, self.squares + squares + move.square() * share * self.count.unsqueeze(1)
        for old, value in zip((self.mean, self.squares), new):
            old.copy_(torch.where(alive.unsqueeze(1), value, old))
        self.count.copy_(torch.where(alive, total, self.count))


class RewardScale(Normaliser):
    """Divide rewards [S, T, E] by the standard deviation of the discounted returns so far.

    No mean is subtracted: where episodes may end early, that would make survival itself good or bad.
    """

    def __init__(self, n_seeds: int, params: RewardScaleParams):
        super().__init__(n_seeds, 1, params)
        self.kept = 1.0 if params.memory is None else 1.0 - 1.0 / params.memory

    @torch.no_grad()
    def absorb(self, x: Tensor, alive: Tensor) -> None:
        if self.kept < 1.0:
            for part in (self.count, self.squares):
                part.mul_(torch.where(alive, self.kept, 1.0).view(-1, *[1] * (part.dim() - 1)))
        super().absorb(x, alive)

    def forward(self, rewards: Tensor) -> Tensor:
        return (rewards / self.std.float().unsqueeze(2)).clamp(-self.clip, self.clip)


class NoNormaliser(nn.Module):
    """The replacement for a normaliser that is disabled; it returns observations unchanged."""

    def forward(self, x: Tensor) -> Tensor:
        return x

    def transform(self, dim: int) -> Callable[[Tensor], Tensor]:
        return self

    def absorb(self, x: Tensor, alive: Tensor) -> None:
        pass


def normaliser(
    n_seeds: int, n_observations: int, params: ScaleParams | None, untouched: int = 0
) -> Normaliser | NoNormaliser:
    """Return the normaliser that a block describes, which may be None.

    untouched: how many of the last coordinates are never normalised.
    """
    return NoNormaliser() if params is None else Normaliser(n_seeds, n_observations, params, untouched)
