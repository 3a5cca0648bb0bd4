"""When work of warp is recorded and when it is not, with a driver that only keeps count."""

from __future__ import annotations

import sys
import warnings
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch

from harness.sim.cuda_graph import GraphedWork


class Driver:
    """In the place of the package warp on a GPU: what is captured is not carried out."""

    def __init__(self, fails: str):
        self.fails, self.capturing, self.replayed = fails, False, 0

    def stream_from_torch(self, of):
        return of

    def ScopedStream(self, stream):
        return nullcontext()

    def ScopedCapture(self, stream):
        driver = self

        class Capture:
            graph = "graph"

            def __enter__(self):
                driver.capturing = True
                return self

            def __exit__(self, *error):
                driver.capturing = False
                if driver.fails == "capture":
                    raise RuntimeError("no such node\nat length")

        return Capture()

    def capture_launch(self, graph, stream):
        assert graph == "graph"
        if self.fails == "launch":
            raise RuntimeError("no such node")
        self.replayed += 1


@pytest.fixture
def gpu(monkeypatch):
    idle = SimpleNamespace(wait_stream=lambda other: None)
    for name in ("Stream", "current_stream", "synchronize"):
        monkeypatch.setattr(torch.cuda, name, lambda device: idle)

    def build(fails=""):
        driver, calls = Driver(fails), []
        monkeypatch.setitem(sys.modules, "warp", driver)
        return driver, calls, GraphedWork(lambda: driver.capturing or calls.append(1), SimpleNamespace(type="cuda"))

    return build


def test_the_second_call_is_recorded_and_each_call_does_the_work_once(gpu):
    driver, calls, step = gpu()
    for _ in range(5):
        step()
    assert (len(calls), driver.replayed) == (1, 4)


@pytest.mark.parametrize("fails", ["capture", "launch"])
def test_what_cannot_be_recorded_runs_as_written_after_one_warning(gpu, fails):
    driver, calls, step = gpu(fails)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(5):
            step()
    assert (len(calls), driver.replayed) == (5, 0)
    assert [str(w.message) for w in told] == [
        "a physics step is not recorded as a CUDA graph and runs kernel by kernel: no such node"
    ]


def test_bench_graphs_0_records_nothing(gpu, monkeypatch):
    monkeypatch.setenv("BENCH_GRAPHS", "0")
    driver, calls, step = gpu()
    for _ in range(5):
        step()
    assert (len(calls), driver.replayed) == (5, 0)
