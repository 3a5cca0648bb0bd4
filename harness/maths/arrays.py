"""Operations that work on both numpy arrays and torch tensors, so that a formula is written once for both."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

Array: TypeAlias = np.ndarray | Tensor


def namespace(x: Array) -> ModuleType:
    """Return the library of x: numpy or torch."""
    return torch if isinstance(x, Tensor) else np


def to_array(x: Tensor, device: torch.device | None) -> Array:
    """Return x as a float32 tensor on `device`, or without a device as a float64 numpy array."""
    return x.double().cpu().numpy() if device is None else x.to(device, torch.float32)


def as_like(values: Sequence[float] | np.ndarray, x: Array) -> Array:
    """Return an array of the same kind as x."""
    return x.new_tensor(values) if isinstance(x, Tensor) else np.asarray(values)


def step_on(step: int | Tensor, beside: Tensor) -> int | Tensor:
    """Return the step in the form that schedules compute with: on a GPU a tensor int64 [], whether or not a graph is
    captured.

    A Python number enters arithmetic as float64 and a tensor as float32, and a run that resumes makes its first steps
    without a graph.

    beside: any tensor on the device.
    """
    if isinstance(step, Tensor) or on_host(beside):
        return step
    return torch.full((), step, device=beside.device)  # a fill, which nothing waits for


def on_host(x: Array) -> bool:
    """Whether the values of x can be read at no cost."""
    return not isinstance(x, Tensor) or x.device.type == "cpu"


def all_known(flags: Array) -> bool:
    """Whether all flags are known to be true. On a GPU this is always False, because reading them would wait for the
    device.
    """
    return on_host(flags) and bool(flags.all())


def in_memory(x: Tensor) -> Tensor:
    """Return the same numbers in their order in memory, if that is another order of the last two axes; else x itself.

    The result is contiguous for tensors [..., n, m] that were made as the transpose of [..., m, n].
    """
    return x if x.is_contiguous() or x.dim() < 2 else x.mT
