"""Measure the peak memory of a cell.

A separate process trains a few updates of a whole block and scores them as at the end of a run.

    bench speed memory

Every cell of the current preset is measured once (quick: the first of each task), then the largest of them again.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from harness.benchmarks.record import Options, alternate, at_most, record, row
from harness.errors import BenchError
from harness.report.records.measured import Record

AIM, UPDATES = 3.0, 3
GB = 1e9


def measure(options: Options) -> Iterator[Record]:
    from harness.plan.plan import load_plan

    plan = load_plan(options.root)
    cells = [cell for cell in plan.cells if cell.ablation is None]
    if options.quick:
        cells = list({cell.task: cell for cell in reversed(cells)}.values())
    found = {(cell.task, cell.name): _peak(options, cell.task, cell.name) for cell in cells}
    for name, peak in sorted(found.items(), key=lambda item: -item[1])[:5]:
        print(f"  {'/'.join(name)}: {peak:.2f} GB")
    largest = max(found, key=found.get)
    made = [values["ours"] for _, values in alternate(options, ours=lambda _: _peak(options, *largest))]
    rows = [row(f"largest cell: {'/'.join(largest)}", "GB", made, aim=at_most(AIM, "ours"))]
    settings = {"preset": plan.params["preset"], "cells tried": len(found), "updates": UPDATES, "seeds": "one block"}
    yield record(options, "memory", "Peak memory of a cell", rows, settings)


def _peak(options: Options, task: str, cell: str) -> float:
    command = [sys.executable, "-m", __name__, options.root, task, cell]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
    if done.returncode:
        raise BenchError(f"memory of {task} {cell}: {(done.stderr.strip().splitlines() or ['it printed nothing'])[-1]}")
    return float(done.stdout.splitlines()[-1])


def child(root: str, task_name: str, name: str) -> None:
    from harness.run.pins import pin

    pin()
    import torch

    from harness.metrics.evaluate import evaluate
    from harness.places.score import encoder_of
    from harness.places.train import build_method, build_task
    from harness.plan import needs
    from harness.plan.plan import load_plan
    from harness.run.seeds import CounterDraws

    folder, device = Path(root), torch.device("cpu")
    cell = load_plan(folder).cell(task_name, name)
    task, seeds = build_task(folder, cell), cell.blocks[0]
    draws = CounterDraws(seeds, f"{cell.protocol}/{cell.task}", device)
    method, source = build_method(cell, task, draws, device), task.source(device)
    needs.deliver(folder, cell, method, seeds)
    for draws.step in range(UPDATES):
        method.update(source, draws)
    evaluate(task, method.outputs(), draws.at(0), encoder_of(task))
    print(_high_water() / GB)


def _high_water() -> float:
    """Return the peak in bytes. Linux inherits `ru_maxrss` across processes, so its own counter is read first."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return 1024 * float(next(line for line in lines if line.startswith("VmHWM")).split()[1])
    except OSError:
        return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)  # macOS, in bytes


if __name__ == "__main__":
    child(*sys.argv[1:])
