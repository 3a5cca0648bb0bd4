"""Train a cell of the current preset for a few updates, for `stack` and `plain`."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def trained(root: Path, task_name: str, name: str) -> Callable[[tuple[int, ...], int], float]:
    """Return a function (seeds, updates) -> seconds of so many updates, after one that is not counted."""
    import torch

    from harness.places.train import build_method, build_task
    from harness.plan.plan import load_plan
    from harness.run.seeds import CounterDraws

    torch.set_num_threads(1)
    cell, device = load_plan(root).cell(task_name, name), torch.device("cpu")
    task = build_task(root, cell)

    def train(seeds: tuple[int, ...], updates: int) -> float:
        draws, source = CounterDraws(seeds, f"{cell.protocol}/{cell.task}", device), task.source(device)
        method, started = build_method(cell, task, draws, device), 0.0
        for draws.step in range(updates + 1):
            if draws.step == 1:
                started = time.perf_counter()
            method.update(source, draws)
        return time.perf_counter() - started

    return train
