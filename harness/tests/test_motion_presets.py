"""Every distinct row of the presets of recorded clips on a flat body keeps the contract, at a size of about a second.

Rows that differ in their clip or targets alone are one. The clips are in the extra `mocap`. Tasks of params.yaml and of
`smoke`, which need none, are in `test_contracts.py`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from importlib.util import find_spec

import pytest

from harness.checks import contract
from harness.checks import trial as trial_module
from harness.checks.contract import CHECKS
from harness.checks.trial import Tree, Trial, name_of, of_preset
from harness.plan.plan import Cell
from harness.registry import ROOT

PRESETS = ("mocap_flat", "video_flat")
FEW = {"batch": 8, "discriminator_steps": 1, "steps_per_update": 1}
SHORT = {"horizon": 4}
CHECKED = ("stacking", "resume")  # one update of a seed alone and in a stack; a run that stops and goes on

pytestmark = pytest.mark.skipif(find_spec("pybullet_data") is None, reason="the clips need the extra mocap")


def tiny(cell: Cell) -> Cell:
    """The cell with few samples per update; `Tree` reduces its environments."""
    method = cell.method_params
    fewer = {name: value for name, value in FEW.items() if hasattr(method, name)}
    task = cell.task_params.model_copy(update=SHORT)
    return replace(cell, method_params=method.model_copy(update=fewer), task_params=task)


def distinct(preset: str) -> list[Cell]:
    """The cells of the preset of which no earlier one has the same method and body."""
    cells = [tiny(cell) for cell in of_preset(ROOT, preset) if cell.ablation is None]
    kinds = {_kind(cell): cell for cell in reversed(cells)}
    return [cell for cell in cells if kinds[_kind(cell)] is cell]


def _kind(cell: Cell) -> tuple[str, str]:
    return cell.method_params.model_dump_json(), str(cell.task_params.model_dump(include={"body"}))


@lru_cache
def tree(preset: str) -> Tree:
    return Tree(ROOT, [tiny(cell) for cell in of_preset(ROOT, preset)])


@lru_cache(maxsize=1)
def trial(preset: str, name: str) -> Trial:
    """The cell's trial, whose runs all checks share."""
    return Trial(tree(preset), next(cell for cell in tree(preset).cells if name_of(cell) == name))


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of three steps that stop after the first."""
    monkeypatch.setattr(trial_module, "STEPS", 3)
    monkeypatch.setattr(trial_module, "POINTS", 1)
    monkeypatch.setattr(contract, "STOP", 1)


ROWS = [(preset, name_of(cell)) for preset in PRESETS for cell in distinct(preset)]


@pytest.mark.parametrize("check", CHECKED)
@pytest.mark.parametrize("preset, name", ROWS, ids=[f"{preset}-{name}" for preset, name in ROWS])
def test_a_row_keeps_the_contract(preset: str, name: str, check: str) -> None:
    assert CHECKS[check](trial(preset, name)) == []
