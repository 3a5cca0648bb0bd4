"""The one switch between the fast ways of this room and the plain ones that they stand in for."""

from __future__ import annotations

import os

from harness.contracts import BenchError

VARIABLE = "BENCH_PLAIN"


def plain() -> bool:
    """Whether to take the plain path, as BENCH_PLAIN=1 in the environment asks.

    The plain path is torch's own optimisers, convolutions and automatic differentiation. Results agree with the fast
    ones but for rounding, the optimisers' to the bit. Raises BenchError unless the variable is 0, 1 or not set.
    """
    value = os.environ.get(VARIABLE) or "0"
    if value not in ("0", "1"):
        raise BenchError(f"{VARIABLE}={value}: must be 0 or 1")
    return value == "1"
