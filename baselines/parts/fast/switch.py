"""The one switch between the fast implementations in this folder and the plain ones that they replace."""

from __future__ import annotations

import os

from harness.contracts import BenchError

VARIABLE = "BENCH_PLAIN"


def plain() -> bool:
    """Whether to take the plain path, which BENCH_PLAIN=1 in the environment requests.

    The plain path consists of torch's own optimisers, convolutions and automatic differentiation. Results agree with
    the fast path up to rounding, and for the optimisers bit by bit. Raises BenchError unless the variable is 0, 1 or
    unset.
    """
    value = os.environ.get(VARIABLE) or "0"
    if value not in ("0", "1"):
        raise BenchError(f"{VARIABLE}={value}: must be 0 or 1")
    return value == "1"
