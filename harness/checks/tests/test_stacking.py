"""A seed alone against its stack: a fault must show in two stacks, as rounding alone rarely parts one seed."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checks import contract
from harness.checks.stacking import OTHER, STACK, TOLERANCE


@pytest.mark.parametrize("differs, faults", [((STACK,), 0), ((OTHER,), 0), ((STACK, OTHER), 1)])
def test_a_fault_shows_in_two_stacks(
    differs: tuple[tuple[int, ...], ...], faults: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def difference(trial: Any, places: tuple[int, ...], stack: tuple[int, ...] = STACK) -> tuple[float, str]:
        return (10 * TOLERANCE if stack in differs else 0.0), "w"

    monkeypatch.setattr(contract, "largest_difference", difference)
    assert len(contract.stacking(None)) == faults  # type: ignore[arg-type]
