"""The contract over everything registered and every method block of params.yaml: a new one is tested as it appears."""

from __future__ import annotations

import inspect
from functools import lru_cache

import pytest

from harness import registry
from harness.checks.contract import CHECKS
from harness.checks.trial import Trial, name_of, project
from harness.plan.plan import Cell
from harness.run.params import TaskParams

TREE = project(registry.ROOT)


@lru_cache(maxsize=2)
def trial(name: str) -> Trial:
    """The cell's trial, whose runs all checks share."""
    return Trial(TREE, next(cell for cell in TREE.cells if name_of(cell) == name))


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("cell", TREE.cells, ids=name_of)
def test_contract(cell: Cell, check: str) -> None:
    assert CHECKS[check](trial(name_of(cell))) == []


@pytest.mark.parametrize("name", sorted(set(registry.algorithms()) - registry.packaged_algorithms().keys()))
def test_each_algorithm_is_tried(name: str) -> None:
    assert name in {cell.algorithm for cell in TREE.cells}, "no block of params.yaml tries it"


@pytest.mark.parametrize("name", registry.families())
def test_family_files(name: str) -> None:
    module = registry.family(name)
    assert issubclass(module.Params, TaskParams) and isinstance(module.metrics, tuple)
    assert registry.writes(name) == module.writes and set(module.writes) <= {"panels", "sheet", "artefacts"}
    assert list(inspect.signature(module.build).parameters) == ["name", "params", "scratch"]
