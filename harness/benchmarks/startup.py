"""Time the start of a cell: from `bench train TASK CELL` to its first step, in its own process.

    bench speed startup

A child process runs the command up to the training loop, and ends there. Cells of each kind are started, with their
data and simulators.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from harness.benchmarks.record import Options, alternate, at_most, record, row
from harness.errors import BenchError
from harness.report.records.measured import Record

CELLS = (("two_gaussians", "no_bottleneck"), ("digits8", "vgan_gp"), ("c_maze", "airl"), ("reacher", "gail"))
AIM = 4.0


def measure(options: Options) -> Iterator[Record]:
    runs = {"/".join(cell): lambda _, cell=cell: _seconds(options, cell) for cell in CELLS}
    _seconds(options, CELLS[0])  # fills the disk's cache
    made = [values for _, values in alternate(options, **runs)]
    rows = [row(name, "s", [values[name] for values in made], aim=at_most(AIM, "ours")) for name in runs]
    yield record(
        options, "startup", "Start-up of a cell, to its first step", rows, {"command": "bench train TASK CELL"}
    )


def _seconds(options: Options, cell: tuple[str, str]) -> float:
    started = time.monotonic()  # the machine's clock, so that the child's is comparable
    command = [sys.executable, "-m", __name__, options.root, *cell]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
    if done.returncode:
        raise BenchError(
            f"start-up of {' '.join(cell)} failed: {(done.stderr.strip().splitlines() or ['it printed nothing'])[-1]}"
        )
    return float(done.stdout.splitlines()[-1]) - started


def child(root: str, task: str, cell: str) -> None:
    """Run the command with a training loop that reports when it was called, in a scratch folder."""
    from harness.run.pins import pin

    pin()
    from harness.places import train
    from harness.plan.plan import load_plan

    def stop(*_):
        print(time.monotonic(), flush=True)
        raise SystemExit(0)

    with tempfile.TemporaryDirectory() as folder:
        train.train, train.block_folder = stop, lambda *_: Path(folder)
        train.train_cell(Path(root), load_plan(Path(root)).cell(task, cell))


if __name__ == "__main__":
    child(*sys.argv[1:])
