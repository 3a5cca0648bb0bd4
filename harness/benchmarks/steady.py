"""Measure whether a long run keeps its memory.

A process of its own trains a small cell for many steps and writes checkpoints and snapshots all the while. The memory
that it holds is read at step FROM, when all that a run ever needs has been made once, and at every step after it.

    bench speed steady
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness.benchmarks.record import Options, alternate, at_most, record, row
from harness.errors import BenchError
from harness.report.records.measured import Record

CELL = ("two_gaussians", "no_bottleneck")
STEPS, FROM = 20_000, 1_000
CHECKPOINT_SECONDS = 1.0  # many of them, the first ones before FROM
MOST = 1.01  # times what was held: room for the allocator's gaps, not for a tensor kept of every step
HELD = Path("/proc/self/statm")
MB = 1e6


def measure(options: Options) -> Iterator[Record]:
    if not HELD.exists():
        raise BenchError(f"steady reads {HELD}, which this system does not have: run it on Linux")
    steps = options.size(STEPS, STEPS // 10)
    held: list[tuple[float, float]] = []

    def run(_: int) -> float:
        held.append(_held(options, steps))
        return held[-1][1]

    for _ in alternate(options, most=run):
        pass
    start, most = map(list, zip(*held, strict=True))
    rows = [row(f"the most up to step {steps}", "MB", most, start, f"step {FROM}", aim=at_most(MOST))]
    settings = {"cell": "/".join(CELL), "steps": steps, "checkpoints": f"every {CHECKPOINT_SECONDS:g} s"}
    yield record(options, "steady", "Memory of a long run", rows, settings)


def _held(options: Options, steps: int) -> tuple[float, float]:
    """Return the megabytes held at step FROM, and the most from then on."""
    command = [sys.executable, "-m", __name__, str(options.root), *CELL, str(steps)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
    if done.returncode:
        raise BenchError(f"steady: {(done.stderr.strip().splitlines() or ['it printed nothing'])[-1]}")
    start, most = done.stdout.splitlines()[-1].split()
    return float(start), float(most)


def child(root: str, task_name: str, name: str, steps: str) -> None:
    """Train the cell and print what it held at step FROM, and the most since."""
    from harness.run.pins import pin

    pin()
    import torch

    from harness.places.train import build_method, build_task
    from harness.plan.plan import load_plan
    from harness.run.seeds import CounterDraws
    from harness.run.train import Schedule, train

    cell = load_plan(Path(root)).cell(task_name, name)
    task, device = build_task(Path(root), cell), torch.device("cpu")
    draws = CounterDraws(cell.blocks[0], "steady", device)
    method, source = build_method(cell, task, draws, device), task.source(device)
    schedule = Schedule(int(steps), cell.task_params.log_points, cell.task_params.evaluations, CHECKPOINT_SECONDS)
    held: list[float] = []  # at FROM, and the most since

    def look(step: int, _: object) -> None:
        if step == FROM:
            held[:] = [_resident()] * 2
        elif step > FROM:
            held[1] = max(held[1], _resident())

    with tempfile.TemporaryDirectory() as folder:
        train(method, source, draws, schedule, Path(folder), {"benchmark": "steady"}, look)
    print(*held)


def _resident() -> float:
    """Return the megabytes that this process holds in memory."""
    return int(HELD.read_text(encoding="utf-8").split()[1]) * resource.getpagesize() / MB


if __name__ == "__main__":
    child(*sys.argv[1:])
