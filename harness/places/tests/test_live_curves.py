"""Live curves: what the record holds, in one curve across resumes, and nothing of the run changes by them."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import pytest

from harness.errors import BenchError
from harness.places.live_curves import FOLDER, VARIABLE
from harness.places.prepare import prepare
from harness.places.train import finish_cell, train_block, train_cell
from harness.plan.plan import Cell
from harness.tests import small

NEVER, AT_ONCE = float("inf"), 0.0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    prepare(tmp_path, small.write(tmp_path), "pair")
    return tmp_path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tensorboard", reason="the extra tensorboard is not installed")
    monkeypatch.setenv(VARIABLE, "1")


def cell(root: Path) -> Cell:
    return small.write(root).cell("pair", "plain")


def drawn(root: Path, seed: int, log: str = "loss_critic") -> dict[int, float]:
    """{step: value} as TensorBoard shows it."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(root / FOLDER / "pair/plain" / f"seed-{seed}"))
    events.Reload()
    points = events.Scalars(log)
    assert len({point.step for point in points}) == len(points)
    return {point.step: point.value for point in points}


def recorded(root: Path, seed: int) -> dict[int, float]:
    with (root / "results/records/pair/plain/curves.csv").open(encoding="utf-8") as file:
        return {int(row["step"]): float(row["loss_critic"]) for row in csv.DictReader(file) if row["seed"] == str(seed)}


def test_each_seed_has_the_curve_of_its_record_and_the_record_is_the_same(
    root: Path, asked: None, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    train_cell(root, cell(root))
    for seed in range(4):
        assert drawn(root, seed) == pytest.approx(recorded(root, seed), rel=5e-5)
        assert recorded(root, seed).keys() == {2, 4}
    monkeypatch.setenv(VARIABLE, "0")
    other = tmp_path_factory.mktemp("off")
    prepare(other, small.write(other), "pair")
    train_cell(other, cell(other))
    assert not (other / FOLDER).exists()
    for name in ("record.json", "curves.csv", "scores.csv"):
        file = f"results/records/pair/plain/{name}"
        assert (root / file).read_bytes() == (other / file).read_bytes()


def test_a_run_that_goes_on_goes_on_in_the_same_curve(root: Path, asked: None) -> None:
    one = cell(root)
    for _ in range(2):
        assert not train_block(root, one, 0, deadline=AT_ONCE)
    first = drawn(root, 0)
    assert first.keys() == {2}
    assert train_block(root, one, 0, deadline=NEVER)
    assert drawn(root, 0).keys() == {2, 4} and drawn(root, 0)[2] == first[2]
    train_block(root, one, 1)
    finish_cell(root, one)
    assert drawn(root, 0)[4] == pytest.approx(recorded(root, 0)[4], rel=5e-5)


def test_points_behind_the_checkpoint_are_taken_back(root: Path, asked: None) -> None:
    one = cell(root)
    train_block(root, one, 0)
    for path in root.glob(".scratch/runs/*/*/*.pt"):
        path.unlink()  # as if killed before the first checkpoint
    assert not train_block(root, one, 0, deadline=AT_ONCE)
    assert not train_block(root, one, 0, deadline=AT_ONCE)
    assert drawn(root, 0).keys() == {2}


def test_a_missing_package_is_told_before_anything_trains(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "1")
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(BenchError, match=r"tensorboard is missing: uv pip install -e '.\[tensorboard\]'"):
        train_cell(root, cell(root))
    assert not list(root.glob(".scratch/runs/*/*/*.pt"))
