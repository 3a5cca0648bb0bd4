"""Train the blocks of a cell, score them, and write the record. Checkpoints are in the scratch folder."""

from __future__ import annotations

import math
import os
import platform
import shutil
import time
from collections.abc import Callable
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from harness import registry, seal
from harness.contracts import BenchError, Method, Task
from harness.files import write_bytes
from harness.places.live_curves import with_live_curves
from harness.places.progress import Progress, Shown
from harness.places.pulse import Pulse
from harness.places.watch import watched
from harness.plan import needs
from harness.plan.identity import block_folder, data_manifest, identity
from harness.plan.origin import origin
from harness.plan.plan import Cell
from harness.run import checkpoint, signals
from harness.run.device import arithmetic, name_of, pick_device
from harness.run.params import TaskParams
from harness.run.record import to_json
from harness.run.seeds import CounterDraws
from harness.run.train import Schedule, train

PARTS = ".scratch/parts"  # records of further seeds until they are joined
ENVIRONMENTS = "environments.json"  # that of each block, beside a record whose blocks were made separately


def train_cell(root: Path, cell: Cell, jobs: int = 1, timeout: float | None = None) -> None:
    """Train the blocks that are not trained yet, then score the cell.

    root: the project's folder.
    cell: the cell.
    jobs: the number of blocks at the same time, each in its own process.
    timeout: the seconds in which a block must make a step; if given, each block has its own process, which can be
        ended.
    """
    if timeout is not None or min(jobs, len(cell.blocks)) > 1:
        from harness.places.pool import train_all

        train_all(root, [cell], None, jobs, timeout)
        return
    from harness.places.cells import block_jobs

    for index, job in enumerate(block_jobs(root, cell)):
        with watched(job) as pulse:
            train_block(root, cell, index, pulse=pulse)
    finish_cell(root, cell)


def train_block(
    root: Path,
    cell: Cell,
    index: int,
    deadline: float = math.inf,
    pulse: Pulse | None = None,
    schedule: Schedule | None = None,
    progress: Shown | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> bool:
    """Train one block, from its checkpoint if there is one, and return whether it was finished.

    A signal to stop is obeyed at a checkpoint if there is time for one.

    root: the project's folder.
    cell: the cell.
    index: the index of the block.
    deadline: the monotonic time at which to stop at a checkpoint.
    pulse: the pulse to beat at each step.
    schedule: a schedule in place of that of the cell's parameters, see `harness.places.tried`.
    progress: a display in place of a bar.
    stop: a function that returns whether to stop at a checkpoint.
    """
    torch.set_num_threads(cell.task_params.threads)
    seeds = cell.blocks[index]
    folder = block_folder(root, cell, seeds)
    names = {**identity(root, cell), "seeds": list(seeds)}
    with checkpoint.lock_folder(folder):
        task = build_task(root, cell)
        device = pick_device()
        draws = CounterDraws(seeds, f"{cell.protocol}/{cell.task}", device)
        method = build_method(cell, task, draws, device)
        needs.deliver(root, cell, method, seeds)
        if not (folder / "run.json").exists():
            write_bytes(folder / "run.json", to_json({"identity": names, "environment": environment(device)}))
        params = cell.task_params
        schedule = schedule or Schedule(params.steps, params.log_points, params.evaluations)
        title = f"{cell.task}/{cell.name} seeds {seeds[0]}-{seeds[-1]}"
        shown = progress or with_live_curves(
            Progress(title, params.steps, pulse), root, needs.label(cell), seeds, schedule
        )
        with closing(shown), arithmetic(params.precision, device), signals.defer_stop() as asked:
            run = train(
                method,
                task.source(device),
                draws,
                schedule,
                folder,
                names,
                shown,
                lambda: asked() or stop() or time.monotonic() >= deadline,
            )
        for place, step in run.died.items() if schedule.steps == params.steps else ():
            print(f"{title}: seed {seeds[place]} diverged at step {step}", flush=True)
    if {**identity(root, cell), "seeds": list(seeds)} != names:
        raise BenchError(f"the code of {cell.task}/{cell.name} changed while it ran: run it again")
    return run.step >= schedule.steps


def finish_cell(root: Path, cell: Cell) -> None:
    """Score every block and write the record; all blocks must be trained.

    Raises BenchError while another process does so. If the cell joins further seeds to its record, only their blocks
    are scored, and the scores in the record are kept.
    """
    from harness.places.join import joined
    from harness.places.score import score_cell

    with checkpoint.lock_folder(root / ".scratch" / "scores" / cell.task / cell.name):
        started = time.monotonic()
        task = build_task(root, cell)
        record = score_cell(root, cell, task, lambda seeds: fresh(cell, task, seeds))
        record.provenance |= {
            "environment": environment(pick_device()),
            "scoring_seconds": round(time.monotonic() - started, 2),
        }
        folder = cell.folder(root)
        if cell.joins:
            part = root / PARTS / cell.task / cell.name
            record.write(part)
            seal.write(folder, joined(folder, part))
            shutil.rmtree(part)
        else:
            record.write(folder)
        (folder / ENVIRONMENTS).unlink(missing_ok=True)  # left by an earlier record


def build_task(root: Path, cell: Cell) -> Task:
    """Return the task with its data. Raises BenchError if the data are not those that were prepared."""
    task = load_task(root, cell.task, cell.task_params)
    expected = data_manifest(root, cell.task)["data_hash"]
    if task.data_hash != expected:
        raise BenchError(
            f"data of {cell.task} have hash {task.data_hash}, prepared were {expected}: run `bench prepare {cell.task}`"
        )
    return task


@lru_cache(maxsize=2)
def load_task(root: Path, name: str, params: TaskParams) -> Task:
    """Load the task with its data; paths of encoder weights and of demonstrations are relative to `root`."""
    params = params.located(root)
    if expert := needs.demonstrations(params):
        params = params.model_copy(update={"demonstrations": str(needs.path(root, expert))})
    return registry.family(params.family).build(name, params, root / ".scratch" / "data")


def build_method(cell: Cell, task: Task, draws: CounterDraws, device: torch.device) -> Method:
    """Return a new method, initialised on the CPU and then moved, so that every device has the same initial weights."""
    on_cpu = CounterDraws(draws.seeds, draws.scope, "cpu", lookahead=1)
    return registry.algorithm(cell.algorithm).build(cell.method_params, task.spec, on_cpu, device)


def fresh(cell: Cell, task: Task, seeds: tuple[int, ...]) -> tuple[Method, CounterDraws]:
    """Return an untrained method of a block, into which a snapshot can be loaded, and its draws."""
    device = pick_device()
    draws = CounterDraws(seeds, f"{cell.protocol}/{cell.task}", device, lookahead=1)
    return build_method(cell, task, draws, device), draws


def environment(device: torch.device) -> dict[str, Any]:
    """Return the versions, the machine, and the commit of the running code, which are stored beside the record."""
    import numpy

    return {
        **_origin(),
        "device": name_of(device),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "threads": torch.get_num_threads(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "variables": {name: os.environ[name] for name in sorted(os.environ) if name.startswith("BENCH_")},
    }


@lru_cache(maxsize=1)
def _origin() -> dict[str, Any]:
    """Return the origin of the code, once per process: a later commit is not that of the code it has imported."""
    return origin(registry.ROOT)
