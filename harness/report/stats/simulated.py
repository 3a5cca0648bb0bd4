"""Define what the simulation of the statistics leaves, for its readers, who need no SciPy."""

from __future__ import annotations

from typing import NamedTuple

METHODS = 12  # in a tested family
RULES = ("one comparison", f"one of {METHODS} by Holm", f"verdict 'better', one of {METHODS}")


class Row(NamedTuple):
    """One result: a quantity by one method at n seeds, in shares of experiments or in standard deviations."""

    quantity: str
    method: str
    used: bool  # whether the report uses this method
    distribution: str
    n: int
    value: float
    error: float
    experiments: int
