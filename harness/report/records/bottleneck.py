"""Determine whether the information constraint was at work, from KL and beta over the last quarter of training.

The dual update raises beta while KL exceeds I_c and lowers it towards 0 otherwise, so a settled run either has its KL
at I_c (the constraint binds) or a beta near 0 (the constraint is slack).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from harness.report.records.frame import CellFrame

if TYPE_CHECKING:
    from pandas.core.groupby import DataFrameGroupBy

LAST = 0.75  # training counts as settled after this share of the steps
BINDING = 0.15  # relative distance below I_c within which the constraint binds
ABOVE = 1.10  # KL / I_c above which the constraint is violated
RELEASED = 1e-3  # beta below which the penalty has no effect


@dataclass(frozen=True)
class Constraint:
    """Means over seeds of the last quarter of training, with the smallest and the largest seed (KL in nat)."""

    i_c: float | None
    kl: float
    kl_low: float
    kl_high: float
    beta: float | None
    states: dict[str, int]  # state -> number of seeds in it

    @property
    def state(self) -> str:
        """Return the state that all seeds share, or how many seeds are in each state."""
        if len(self.states) == 1:
            return next(iter(self.states))
        return ", ".join(f"{count} {state}" for state, count in self.states.items())


STATES = ("binding", "slack", "above I_c", "below I_c, beta still on")


def i_c(cell: CellFrame) -> float | None:
    """Return the information budget in the method parameters of a record (nat), or None without one."""
    found = _search((cell.record or {}).get("params", {}).get("method", {}))
    return None if found is None else float(found)


def settled(cell: CellFrame, log: str) -> pd.Series | None:
    """Return the mean of a log over the last quarter of training, by seed.

    Runs that failed or did not write it are left out; None if none did.
    """
    if log not in cell.logged or cell.curves is None:
        return None
    means: pd.Series = _last_quarter(cell, cell.curves)[log].mean().dropna()
    return None if means.empty else means


def constraint(cell: CellFrame) -> Constraint | None:
    """Return the settled state of a cell that logged a KL, or None for any other cell."""
    if "kl" not in cell.logged or (logs := cell.curves) is None:
        return None
    means = _last_quarter(cell, logs)[["kl"] + (["beta"] if "beta" in logs else [])].mean()
    means = means[means.kl.notna()]
    if means.empty:
        return None
    budget = i_c(cell)
    states: list[str] = []
    if budget is not None and "beta" in means:
        states = [_state(kl, beta, budget) for kl, beta in zip(means.kl, means.beta, strict=True)]
    return Constraint(
        budget,
        means.kl.mean(),
        means.kl.min(),
        means.kl.max(),
        means.beta.mean() if "beta" in means else None,
        _count(states),
    )


def _last_quarter(cell: CellFrame, logs: pd.DataFrame) -> DataFrameGroupBy:
    """Return the last quarter of the logs of runs that did not fail, grouped by seed."""
    return logs[(logs.step >= LAST * logs.step.max()) & ~logs.seed.isin(cell.failures)].groupby("seed")


def _state(kl: float, beta: float, budget: float) -> str:
    binding, slack, above, released_late = STATES
    if kl > ABOVE * budget:
        return above
    if kl >= (1 - BINDING) * budget:
        return binding
    return slack if beta < RELEASED else released_late


def _count(states: Iterable[str]) -> dict[str, int]:
    states = list(states)
    return {state: states.count(state) for state in STATES if state in states}


def _search(block: Any) -> Any:
    if not isinstance(block, dict):
        return None
    if block.get("i_c") is not None:
        return block["i_c"]
    return next((hit for hit in map(_search, block.values()) if hit is not None), None)
