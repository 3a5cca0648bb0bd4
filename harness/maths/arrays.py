"""What numpy's arrays and torch's tensors share, so that a formula stands once for both."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

Array: TypeAlias = np.ndarray | Tensor


def namespace(x: Array) -> ModuleType:
    """The library that x is of: numpy or torch."""
    return torch if isinstance(x, Tensor) else np


def to_array(x: Tensor, device: torch.device | None) -> Array:
    """float32 on `device`; without one float64 in numpy."""
    return x.double().cpu().numpy() if device is None else x.to(device, torch.float32)


def as_like(values: Sequence[float] | np.ndarray, x: Array) -> Array:
    """An array of x's kind."""
    return x.new_tensor(values) if isinstance(x, Tensor) else np.asarray(values)


def step_on(step: int | Tensor, beside: Tensor) -> int | Tensor:
    """The step as schedules compute with it: on a GPU a tensor int64 [], with and without a captured graph.

    A number enters arithmetic as float64 and a tensor gives float32, and a run that resumes makes its first steps
    without a graph. beside: any tensor of the device.
    """
    if isinstance(step, Tensor) or on_host(beside):
        return step
    return torch.full((), step, device=beside.device)  # a fill, which nothing waits for


def on_host(x: Array) -> bool:
    """Whether x lies where a look at its values costs nothing."""
    return not isinstance(x, Tensor) or x.device.type == "cpu"


def all_known(flags: Array) -> bool:
    """Whether all flags are known to be set; nobody looks on a GPU, where looking means waiting."""
    return on_host(flags) and bool(flags.all())
