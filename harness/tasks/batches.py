"""Batches as a function of the step: shuffled epochs for each seed, without the last partial batch."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.contracts import BenchError, Draws


def epoch_indices(draws: Draws, n: int, size: int, name: str) -> Tensor:
    """Return indices [S, size] into n samples for draws.step; each `name` has its own epochs."""
    per_epoch = n // size
    if per_epoch == 0:
        raise BenchError(f"batch {size} is larger than the training set of {n}: lower the method's batch")
    epoch, k = draws.step // per_epoch, draws.step % per_epoch
    order = draws.permutation("data", name, n, epoch)
    return order[:, k * size + torch.arange(size, device=order.device)]
