"""Minutes of a GPU, tried without one: the budget, what is kept, cells that stop and go on."""

import json
import time

import pytest
import torch

from harness import registry
from harness.benchmarks import gpu, physics
from harness.checks import on_device, stacking
from harness.checks.trial import Tree, Trial, name_of, project, stand_ins
from harness.errors import BenchError
from harness.tests import small
from harness.yaml_text import dump

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def tree() -> Tree:
    whole = project(registry.ROOT)
    return Tree(registry.ROOT, [cell for cell in whole.cells if cell.family == "gaussians"][:1])


@pytest.fixture
def trial(tree: Tree) -> Trial:
    return Trial(tree, tree.cells[0], CPU)


@pytest.mark.parametrize(("text", "found"), [("90s", 90), ("20m", 1200), ("1.5h", 5400)])
def test_budget(text: str, found: float) -> None:
    assert gpu.seconds(text) == found


@pytest.mark.parametrize("text", ["20", "m", "0m", "-3m", "20 m"])
def test_wrong_budget(text: str) -> None:
    with pytest.raises(BenchError, match="must be a number with s, m or h, such as 20m"):
        gpu.seconds(text)


def test_without_a_gpu(monkeypatch, tmp_path) -> None:
    monkeypatch.delenv("BENCH_DEVICE", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BenchError, match="torch sees no GPU here"):
        gpu.run(registry.ROOT, "paper", 1.0)
    assert not list(tmp_path.iterdir())


def test_a_device_that_is_right(trial: Trial) -> None:
    found = on_device.check(trial)
    assert found.holds and found.from_cpu == 0 and found.resumes and found.mode == "eager"
    assert not found.capturable  # on the CPU


def test_a_device_that_mixes_seeds_is_named(trial: Trial, monkeypatch) -> None:
    monkeypatch.setattr(stacking, "largest_difference", lambda trial, places, stack: (0.5, "w"))
    assert on_device.check(trial).faults == ["a seed alone differs from the stack"]


def test_a_device_that_computes_something_else_is_named(trial: Trial, monkeypatch) -> None:
    stepped = on_device.Trial.stepped

    def other(self, seeds, steps):
        method, mode = stepped(self, seeds, steps)
        if self is trial:
            for parameter in method.parameters():
                parameter.data *= 1.1
        return method, mode

    monkeypatch.setattr(on_device.Trial, "stepped", other)
    found = on_device.check(trial)
    assert not found.holds and found.from_cpu > on_device.TOLERANCE
    assert f"differs from the CPU at {found.worst}" in found.faults


def test_what_should_have_been_captured_and_was_not_is_a_fault() -> None:
    found = on_device.OnDevice("a/b", 0.0, 0.0, True, "eager: an operation is not permitted", True, "")
    assert found.faults == ["is not captured"] and not found.holds
    assert found._replace(capturable=False).holds and found._replace(mode="captured").holds


def test_an_update_that_raises_is_a_fault_of_its_cell_alone(trial: Trial, monkeypatch) -> None:
    def broken(self, seeds, steps):
        raise RuntimeError("CUDA error: misaligned address\nand more")

    monkeypatch.setattr(on_device.Trial, "stepped", broken)
    found = on_device.check(trial)
    assert not found.holds and found.worst.endswith("RuntimeError: CUDA error: misaligned address")


def test_a_residual_net_is_checked_without_its_data() -> None:
    tree = stand_ins(registry.ROOT, gpu.for_gpus(registry.ROOT))
    (cell,) = [cell for cell in tree.cells if cell.name == "gan"]
    trial = Trial(tree, cell, CPU)
    method, mode = trial.stepped((0,), 1)
    assert trial.task.spec.shape == (3, 32, 32) and mode == "eager"
    assert any(p.dim() == 5 for p in method.parameters())  # stacked convolutions
    assert all(p.isfinite().all() for p in method.parameters())


class Timed:
    """Items that take a second each by a clock of their own."""

    def __init__(self, monkeypatch, names: str):
        self.now, self.made = 0.0, []
        monkeypatch.setattr(gpu.time, "monotonic", lambda: self.now)
        self.items = [gpu.Item(name, lambda name=name: self._make(name), str) for name in names]

    def _make(self, name: str) -> dict:
        self.now += 1
        self.made.append(name)
        return {"n": len(self.made)}


def test_rows_are_written_as_they_are_made_until_their_time_is_spent(tmp_path, monkeypatch) -> None:
    path, timed = tmp_path / gpu.CHECKED, Timed(monkeypatch, "abcd")
    gpu._rows(path, CPU, timed.items, 2 / gpu.SHARE)
    assert timed.made == ["a", "b"]
    assert [row["item"] for row in json.loads(path.read_text())["rows"]] == ["a", "b"]
    rows = gpu._rows(path, CPU, timed.items, 100 / gpu.SHARE)  # the next call goes on
    assert timed.made == ["a", "b", "c", "d"] and [row["n"] for row in rows] == [1, 2, 3, 4]


def test_a_row_that_fails_to_be_made_takes_no_other_along(tmp_path, monkeypatch) -> None:
    path, timed = tmp_path / gpu.CHECKED, Timed(monkeypatch, "ab")
    broken = timed.items[1]._replace(make=lambda: pytest.fail("the machine went away"))
    with pytest.raises(pytest.fail.Exception):
        gpu._rows(path, CPU, [timed.items[0], broken], 100)
    assert [row["item"] for row in json.loads(path.read_text())["rows"]] == ["a"]


def test_what_was_measured_stands_for_one_device_and_code(tmp_path, monkeypatch) -> None:
    path, timed = tmp_path / gpu.SPEEDS, Timed(monkeypatch, "ab")
    gpu._rows(path, CPU, timed.items[:1], 100)
    gpu._rows(path, CPU, timed.items[1:], 100)  # of other code: its name is another
    assert [row["item"] for row in json.loads(path.read_text())["rows"]] == ["b"]
    monkeypatch.setattr(gpu, "device_name", lambda device: "another")
    gpu._rows(path, CPU, timed.items[1:], 100)
    assert timed.made == ["a", "b", "b"] and json.loads(path.read_text())["device"] == "another"


def test_what_will_be_trained_is_checked_first() -> None:
    cells = [cell for cell in project(registry.ROOT).cells if (cell.family, cell.name) == ("labelled", "vib")]
    trials = gpu._trials(registry.ROOT, ["smoke", "cifar_gpu"], cells, CPU)
    assert len({name_of(trial.cell) for trial in trials}) == len(trials)
    kinds = [(trial.cell.family, trial.cell.algorithm) for trial in trials]
    assert name_of(trials[0].cell) == "vib_digits/vib" and name_of(trials[1].cell).startswith("cifar10/")
    assert set(kinds[: len(set(kinds)) + 1]) == set(kinds)


def test_a_preset_without_its_data_is_refused_before_anything_else(tmp_path, monkeypatch) -> None:
    def prepare(copy, plan, task):
        raise BenchError(f"no data of {task}")

    def copied(root, preset, params):
        (tmp_path / "params.yaml").write_text(dump(params))
        return tmp_path

    monkeypatch.setattr(gpu, "prepare", prepare)
    monkeypatch.setattr(gpu, "private_copy", copied)
    monkeypatch.setattr(gpu, "write_keys", lambda copy, params: None)
    monkeypatch.setattr(gpu, "_engine", lambda: "none")
    lacks = "^preset cifar_gpu: no data of cifar10; preset robots_gpu: physics on the GPU needs mujoco-warp: "
    with pytest.raises(BenchError, match=lacks):
        gpu.with_data(registry.ROOT, ["cifar_gpu", "robots_gpu"])


def test_a_failing_method_is_left_out_and_the_others_train(tmp_path, monkeypatch, capsys) -> None:
    plan = small.write(tmp_path)
    trials = [Trial(Tree(tmp_path, plan.cells), cell, CPU) for cell in plan.cells]
    trained: list[str] = []
    monkeypatch.setenv("BENCH_DEVICE", "cpu")
    monkeypatch.setattr(gpu, "for_gpus", lambda root: [])
    monkeypatch.setattr(gpu, "with_data", lambda root, presets: (tmp_path, plan))
    monkeypatch.setattr(gpu, "_trials", lambda *_: trials)
    monkeypatch.setattr(gpu, "_speeds", lambda device: [])
    monkeypatch.setattr(gpu, "_acting", lambda root, device: [])
    monkeypatch.setattr(gpu, "_train", lambda root, plan, cells, deadline: trained.extend(cell.name for cell in cells))
    check = on_device.check
    monkeypatch.setattr(
        on_device, "check", lambda trial: check(trial)._replace(resumes=trial.cell.name == "wide", from_stack=0.0)
    )
    assert not gpu.run(tmp_path, "laptop", 100.0)
    assert trained == ["wide"]
    assert "pair/plain: left out, because its method failed the check on this device" in capsys.readouterr().out


def test_cells_come_in_the_order_asked_for(tree: Tree) -> None:
    cells = project(registry.ROOT).cells[:3]
    names = [f"{cell.task}/{cell.name}" for cell in cells]
    assert gpu._ordered(cells, names[:0:-1]) == cells[:0:-1]
    assert gpu._ordered(cells, []) == cells
    with pytest.raises(BenchError, match="no such cell of this preset; known: "):
        gpu._ordered(cells, ["cifar10/vgan_pg"])


def test_a_spent_budget_trains_nothing(tmp_path, capsys, tree: Tree) -> None:
    assert gpu._train(tmp_path, None, tree.cells, time.monotonic()) == []
    assert "the budget is spent; run the same command to continue here" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_a_cell_that_fails_stops_no_other(tmp_path, monkeypatch, capsys) -> None:
    plan = small.write(tmp_path)

    def train_block(root, cell, index, deadline):
        if cell.name == "plain":
            raise torch.OutOfMemoryError("CUDA out of memory\nand a long story")
        return True

    monkeypatch.setattr(gpu, "train_block", train_block)
    monkeypatch.setattr(gpu, "finish_cell", lambda root, cell: None)
    assert gpu._train(tmp_path, plan, plan.cells, time.monotonic() + 100) == ["pair/plain"]
    assert capsys.readouterr().out == "pair/plain: FAILED, CUDA out of memory\npair/wide: finished\n"


def test_a_task_whose_expert_is_trained_here_waits_for_it() -> None:
    params = {cell.task: cell.task_params for cell in project(registry.ROOT).cells}
    assert gpu._waits(params["reacher"]) and not gpu._waits(params["reacher_expert"])


def test_without_the_engine_steps_per_second_are_left_out_in_one_line(monkeypatch, capsys) -> None:
    monkeypatch.setattr(physics.importlib.util, "find_spec", lambda name: None)
    assert gpu._acting(registry.ROOT, CPU) == []
    assert capsys.readouterr().out == (
        "steps per second are left out: physics on a device needs mujoco-warp, pip install 'vdb-bench[gpu]'\n"
    )


def test_steps_per_second_with_the_engine() -> None:
    pytest.importorskip("mujoco_warp")
    rows = [item.make() for item in gpu._acting(registry.ROOT, CPU)]
    assert [row["what"] for row in rows] == ["Hopper, VAIL", "S-maze, VAIRL"]
    assert all(0 < row["acting"] < 1 and row["steps_per_second"] > 0 for row in rows)
    assert all(physics.line(row).count("steps/s") == 1 for row in rows)
