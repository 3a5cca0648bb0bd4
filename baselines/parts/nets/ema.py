"""The exponential moving average of a net, over both its parameters and its buffers."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Generic, TypeVar

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from harness.contracts import Settings

Net = TypeVar("Net", bound=nn.Module)


class EmaParams(Settings):
    """The parameters of a moving average: either `decay` or `half_life_images`.

    decay: the weight of the old average in one update.
    half_life_images: the number of training images after which the weight of an old net has halved.
    """

    decay: float | None = Field(None, ge=0, lt=1)
    half_life_images: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _check_decay(self) -> EmaParams:
        if (self.decay is None) == (self.half_life_images is None):
            raise ValueError("give either decay or half_life_images")
        return self

    def decay_for(self, batch: int) -> float:
        """Return the decay of one update on `batch` images."""
        if self.decay is not None:
            return self.decay
        assert self.half_life_images is not None  # one of the two is given
        return 0.5 ** (batch / self.half_life_images)


class Ema(nn.Module, Generic[Net]):
    """The averaged copy `net` of a net. It starts as the given net, so create it after `Method.ready`."""

    def __init__(self, net: Net, decay: float):
        super().__init__()
        self.decay = decay
        self.net = copy.deepcopy(net).requires_grad_(False)

    @torch.no_grad()
    def update(self, net: Net, alive: Tensor) -> None:
        """Move the average towards `net` for the seeds that are `alive` [S]."""
        weight = (1.0 - self.decay) * alive.float()
        for value, now in zip(_tensors(self.net), _tensors(net)):
            value.lerp_(now, weight.view(-1, *[1] * (value.dim() - 1)))


def _tensors(net: nn.Module) -> Iterator[Tensor]:
    yield from net.parameters()
    yield from net.buffers()


def averaged(net: Net, params: EmaParams | None, batch: int) -> Ema[Net]:
    """Return the average of a net that learns from batches of that size; None gives a copy of the current net."""
    return Ema(net, params.decay_for(batch) if params is not None else 0.0)
