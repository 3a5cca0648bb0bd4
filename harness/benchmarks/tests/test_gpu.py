"""Minutes of a GPU, tried without one: the budget, what is kept, cells that stop and go on."""

import json
import time

import pytest
import torch

from harness import registry
from harness.benchmarks import gpu, physics
from harness.checks import on_device, stacking
from harness.checks.trial import Tree, project
from harness.errors import BenchError

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def tree() -> Tree:
    whole = project(registry.ROOT)
    return Tree(registry.ROOT, [cell for cell in whole.cells if cell.family == "gaussians"][:1])


@pytest.mark.parametrize(("text", "found"), [("90s", 90), ("20m", 1200), ("1.5h", 5400)])
def test_budget(text: str, found: float) -> None:
    assert gpu.seconds(text) == found


@pytest.mark.parametrize("text", ["20", "m", "0m", "-3m", "20 m"])
def test_wrong_budget(text: str) -> None:
    with pytest.raises(BenchError, match="give a number with s, m or h, such as 20m"):
        gpu.seconds(text)


def test_without_a_gpu(monkeypatch, tmp_path) -> None:
    monkeypatch.delenv("BENCH_DEVICE", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BenchError, match="torch sees no GPU here"):
        gpu.run(registry.ROOT, "paper", 1.0)
    assert not list(tmp_path.iterdir())


def test_a_device_that_is_right(tree: Tree) -> None:
    (verdict,) = on_device.check(tree, CPU)
    assert verdict.holds and verdict.from_cpu == 0 and verdict.resumes and verdict.mode == "eager"


def test_a_device_that_mixes_seeds_is_named(tree: Tree, monkeypatch) -> None:
    monkeypatch.setattr(stacking, "largest_difference", lambda trial, seeds: (0.5, "w"))
    (verdict,) = on_device.check(tree, CPU)
    assert not verdict.holds


def test_a_device_that_computes_something_else_is_named(tree: Tree, monkeypatch) -> None:
    build = on_device.Trial.build

    def other(trial, seeds=on_device.SEEDS):
        method = build(trial, seeds)
        for parameter in method.parameters():
            parameter.data *= 1.1
        return method

    first = on_device.Trial(tree, tree.cells[0])
    right = first.updated(on_device.SEEDS, on_device.UPDATES)
    monkeypatch.setattr(on_device.Trial, "updated", lambda trial, seeds, steps: right)
    monkeypatch.setattr(on_device.Trial, "build", other)
    (verdict,) = on_device.check(tree, CPU)
    assert not verdict.holds and verdict.from_cpu > on_device.TOLERANCE and verdict.worst


def test_what_was_measured_stands_for_one_device_and_code(tmp_path) -> None:
    path, calls = tmp_path / "speed.json", []

    def make():
        calls.append(1)
        return [{"n": len(calls)}]

    told = {"device": "a", "code": "1"}
    assert gpu._kept(path, told, make) == gpu._kept(path, told, make) == [{"n": 1}]
    assert gpu._kept(path, told | {"code": "2"}, make) == [{"n": 2}]
    assert json.loads(path.read_text())["code"] == "2"


def test_cells_come_in_the_order_asked_for(tree: Tree) -> None:
    cells = project(registry.ROOT).cells[:3]
    names = [f"{cell.task}/{cell.name}" for cell in cells]
    assert gpu._ordered(cells, names[:0:-1]) == cells[:0:-1]
    assert gpu._ordered(cells, []) == cells
    with pytest.raises(BenchError, match="no such cell of this preset; known: "):
        gpu._ordered(cells, ["cifar10/vgan_pg"])


def test_a_spent_budget_trains_nothing(tmp_path, capsys, tree: Tree) -> None:
    gpu._train(tmp_path, tree.cells, time.monotonic())
    assert "the budget is spent; the same command goes on here" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_without_the_engine_steps_per_second_are_left_out_in_one_line(monkeypatch, capsys) -> None:
    monkeypatch.setattr(physics.importlib.util, "find_spec", lambda name: None)
    assert gpu._acting(registry.ROOT, CPU) == []
    assert capsys.readouterr().out == (
        "steps per second are left out: physics on a device needs mujoco-warp, pip install 'vdb-bench[gpu]'\n"
    )


def test_steps_per_second_with_the_engine(capsys) -> None:
    pytest.importorskip("mujoco_warp")
    rows = gpu._acting(registry.ROOT, CPU)
    assert [row["what"] for row in rows] == ["Hopper, VAIL", "S-maze, VAIRL"]
    assert all(0 < row["acting"] < 1 and row["steps_per_second"] > 0 for row in rows)
    assert capsys.readouterr().out.count("steps/s") == 2
