"""Each way to convolve is measured beside the loop; one that the device lacks gets a line."""

import os

import pytest
import torch

from baselines.parts.fast import maps
from harness.benchmarks import convolutions, device
from harness.benchmarks.record import Options
from harness.errors import BenchError
from harness.report.records.measured import fault


def test_all_ways_are_measured():
    assert tuple(maps.STRATEGIES) == device.WAYS and convolutions.REFERENCE in device.WAYS
    assert device.Training.VARIABLE == maps.VARIABLE


def test_each_way_stands_beside_the_loop(tmp_path, monkeypatch, capsys):
    class Training:
        def __init__(self, where, setting, steps):
            if setting.way == "branches":
                raise BenchError("no such way here")
            self.cost, self.step = {"loop": 1.0, "grouped": 2.0, "products": 3.0}[setting.way], self
            self.mode = "eager"

        def seconds(self, updates: int) -> float:
            return self.cost * updates

    monkeypatch.setenv("BENCH_DEVICE", "cpu")
    monkeypatch.setattr(convolutions, "Training", Training)
    (made,) = convolutions.measure(Options(tmp_path))
    assert fault(made, "convolutions") is None and made["settings"]["modes"].keys() == {"loop", "grouped", "products"}
    assert {row["name"]: row["ratio"]["median"] for row in made["rows"]} == {"grouped": 2.0, "products": 3.0}
    assert "  left out: no such way here" in capsys.readouterr().out


@pytest.mark.parametrize("way", ["grouped", None])
def test_a_training_goes_its_way_and_leaves_the_environment_alone(monkeypatch, way):
    net = {"kind": "residual", "width": 2, "max_width": 2}
    monkeypatch.setattr(device, "BLOCK", device.BLOCK | {"net": net, "generator_net": net, "batch": 2, "latent": 2})
    monkeypatch.delenv(maps.VARIABLE, raising=False)
    asked, best = [], maps.strategy
    monkeypatch.setattr(maps, "strategy", lambda where: asked.append(best(where)) or asked[-1])
    before = dict(os.environ)
    training = device.Training(torch.device("cpu"), device.Setting("fp32", False, 2, way), 1)
    assert training.seconds(2) > 0 and training.step.mode == "eager"
    assert set(asked) == {way or "loop"} and os.environ == before
    assert int(training.step.draws.step) == 2 and training.step.done == 3
