"""Two killed runs go on and end bit-equal; `python -m harness.tests.kill` does the same to every image method."""

import random

import pytest
import torch

from harness.checks.same import differences
from harness.tests import kill


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("kill")


@pytest.mark.parametrize("number", [0, -1])
def test_a_killed_run_ends_bit_equal(root, number):
    cell = kill.image_cells(root, steps=60)[number]
    whole = root / f"whole-{cell.name}"
    kill.finish(root, whole, cell)
    seconds = kill.files(whole)["checkpoint.pt"]["run"]["seconds"]
    outcome = kill.tried(root, f"run-{cell.name}", cell, (whole, seconds), random.Random(number))
    assert outcome.differing == []
    assert kill.files(whole).keys() == {"checkpoint.pt", "snapshot-20.pt", "snapshot-40.pt", "snapshot-60.pt"}


def test_a_killed_run_in_a_simulator_ends_bit_equal(tmp_path):
    cell = next(cell for cell in kill.control_cells(tmp_path, steps=30) if cell.name == "vail")
    whole = tmp_path / "whole"
    kill.finish(tmp_path, whole, cell)
    seconds = kill.files(whole)["checkpoint.pt"]["run"]["seconds"]
    outcome = kill.tried(tmp_path, "run", cell, (whole, seconds), random.Random(2))
    assert outcome.differing == [] and "checkpoint.pt" in kill.files(whole)


def test_the_comparison_sees_one_bit():
    state = {"a": [torch.zeros(2), {"b": 1}], "seconds": 3.0}
    other = {"a": [torch.tensor([0.0, -0.0]), {"b": 1}], "seconds": 4.0}
    assert differences(state, state) == [] and differences(state, other) == ["/a/0"]
    assert differences(state, {**state, "c": 1}) == ["/c"] and differences({"b": 1}, {"b": 1.0}) == ["/b"]
