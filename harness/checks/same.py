"""Compare nested states bit by bit."""

from __future__ import annotations

from typing import Any

import torch

CLOCKS = {"seconds", "cpu_seconds"}


def differences(a: Any, b: Any, path: str = "") -> list[str]:
    """Return the paths at which two nested structures of dicts, lists and tensors differ in a bit, ignoring clocks."""
    if isinstance(a, dict) and isinstance(b, dict):
        keys = (a.keys() | b.keys()) - CLOCKS
        missing = [f"{path}/{k}" for k in sorted(map(str, keys - (a.keys() & b.keys())))]
        return missing + [d for k in a.keys() & b.keys() & keys for d in differences(a[k], b[k], f"{path}/{k}")]
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        if len(a) != len(b):
            return [path]
        return [d for i, pair in enumerate(zip(a, b)) for d in differences(*pair, f"{path}/{i}")]
    if torch.is_tensor(a) and torch.is_tensor(b):
        same = a.dtype == b.dtype and a.shape == b.shape and torch.equal(bits(a), bits(b))
        return [] if same else [path]
    return [] if type(a) is type(b) and a == b else [path]


def bits(x: torch.Tensor) -> torch.Tensor:
    """Return the bytes of x, in which a NaN equals itself."""
    return x.detach().cpu().contiguous().view(-1).view(torch.uint8)
