"""A seed alone against its stack: what rounding alone parts is no fault, and what it hides is found."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checks import contract
from harness.checks.stacking import DOUBLE, OTHER, STACK, TOLERANCE, largest_difference, of_rounding, parted
from harness.checks.trial import Tree, Trial
from harness.plan.plan import load_plan
from harness.registry import ROOT


@pytest.mark.parametrize("differs, faults", [((STACK,), 0), ((OTHER,), 0), ((STACK, OTHER), 1)])
def test_a_fault_shows_in_two_stacks(
    differs: tuple[tuple[int, ...], ...], faults: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def difference(trial: Any, places: tuple[int, ...], stack: tuple[int, ...] = STACK) -> tuple[float, str]:
        return (10 * TOLERANCE if stack in differs else 0.0), "w"

    monkeypatch.setattr(contract, "parted", difference)
    assert len(contract.stacking(None)) == faults  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def average() -> Trial:
    """The relativistic average GAN: nothing depends on the last bias of its critic."""
    cell = next(cell for cell in load_plan(ROOT).cells if (cell.task, cell.name) == ("digits8", "rasgan"))
    return Trial(Tree(ROOT, [cell]), cell)


def test_a_gradient_of_rounding_is_no_fault(average: Trial) -> None:
    assert largest_difference(average, (4,))[0] > 10 * TOLERANCE
    assert parted(average, (4,))[0] < DOUBLE / 100
    assert contract.stacking(average) == []
    assert "adversary.critic.head.bias" in of_rounding(average)
    assert "adversary.critic.head.weight" not in of_rounding(average)


def test_a_fault_shows_in_double_precision_too(average: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    updated = Trial.updated

    def mixed(self: Trial, seeds: tuple[int, ...], steps: int) -> Any:
        method = updated(self, seeds, steps)
        for weight in method.parameters():
            weight.data += 1e-3 * weight.data.mean(0)
        return method

    monkeypatch.setattr(Trial, "updated", mixed)
    assert parted(average, (4,))[0] > 10 * TOLERANCE
    assert of_rounding(average) == set()
    assert len(contract.stacking(average)) == 1


def test_a_method_that_names_single_precision_is_judged_in_two_stacks(
    average: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Trial) -> Trial:
        raise RuntimeError("expected m1 and m2 to have the same dtype, but got: double != float")

    monkeypatch.setattr(Trial, "doubled", property(refuse))
    assert parted(average, (4,)) == largest_difference(average, (4,))
    assert of_rounding(average) == set()
