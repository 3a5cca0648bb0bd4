"""Measure what digests cost: train a block of a laptop cell with them and without.

    bench speed digests

Without them, checkpoints and snapshots have no digest of their content, none is checked, and no state is hashed. Times
are processor times of this process, on which other processes have little effect.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import process_time
from types import SimpleNamespace
from typing import Any

import torch

from harness.benchmarks.record import Options, alternate, at_most, record, row
from harness.places.train import build_method, build_task
from harness.plan.plan import Cell, load_plan
from harness.report.records.measured import Record
from harness.run import checkpoint, train
from harness.run.pins import pin
from harness.run.seeds import CounterDraws

CELL = ("digits8", "vgan_gp")
MOST = 2.0  # % of a run
IDENTITY: dict[str, Any] = {"benchmark": "digests"}
DEVICE = torch.device("cpu")


def measure(options: Options) -> Iterator[Record]:
    pin()
    cell = load_plan(options.root).cell(*CELL)
    steps, repeats = options.size(600, 100), options.size(20, 5)
    made: dict[str, list[dict[str, float]]] = {"with": [], "without": []}

    def run(word: str) -> float:
        with _digests(word == "with") as spent:
            made[word].append(_measured(options.root, cell, steps, repeats, spent))
        return made[word][-1]["run"]

    run("without")  # the first run of a process also imports
    made["without"].clear()
    for _ in alternate(options, ours=lambda _: run("with"), theirs=lambda _: run("without")):
        pass
    rows = [
        row(name, "ms", [k[part] for k in made["with"]], [k[part] for k in made["without"]], "no digests")
        for name, part in (
            ("a step", "step"),
            ("a checkpoint written", "written"),
            ("start-up: a checkpoint read", "read"),
        )
    ]
    share = [100 * k["digests"] / k["run"] for k in made["with"]]
    rows.append(row("digests of a run", "%", share, aim=at_most(MOST, "ours")))
    settings = {"cell": "/".join(CELL), "steps": steps, "checkpoints": "one", "snapshots": "one", "time": "processor"}
    yield record(options, "digests", "What digests of states cost", rows, settings)


def _measured(root: Path, cell: Cell, steps: int, repeats: int, spent: Callable[[], float]) -> dict[str, float]:
    """Return the milliseconds of a run of `steps`, of its parts, and of its digests.

    spent: a function that returns the milliseconds that digests have taken so far.
    """
    task, draws = build_task(root, cell), CounterDraws(cell.blocks[0], "digests", DEVICE)
    method, source = build_method(cell, task, draws, DEVICE), task.source(DEVICE)
    schedule = train.Schedule(steps, cell.task_params.log_points, 1)
    times: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def trained() -> None:
            train.train(method, source, draws, schedule, folder, IDENTITY, lambda *_: times.append(process_time()))

        run, before = _milliseconds(trained), spent()
        path, previous = folder / checkpoint.CHECKPOINT, folder / checkpoint.PREVIOUS
        state = checkpoint.load(path, IDENTITY)
        written = [_milliseconds(lambda: checkpoint.save(path, IDENTITY, state, previous)) for _ in range(repeats)]
        read = [_milliseconds(trained) for _ in range(repeats)]  # it has reached its end already
    return {
        "run": run,
        "step": 1e3 * (times[steps - 2] - times[0]) / (steps - 2),
        "written": min(written),
        "read": min(read),
        "digests": before,
    }


def _milliseconds(call: Callable[[], None]) -> float:
    started = process_time()
    call()
    return 1e3 * (process_time() - started)


@contextmanager
def _digests(there: bool) -> Iterator[Callable[[], float]]:
    """Keep digests or disable them within the context, and yield a function that returns the milliseconds they took.

    there: whether digests are kept.
    """
    taken = [0.0]

    def timed(call: Callable[[Any], Any], instead: Any) -> Callable[[Any], Any]:
        def done(argument: Any) -> Any:
            started, result = process_time(), call(argument) if there else instead
            taken[0] += 1e3 * (process_time() - started)
            return result

        return done

    nothing = SimpleNamespace(digest=lambda: bytes(hashlib.sha256().digest_size))
    own = checkpoint.hashlib, train.state_hash
    checkpoint.hashlib = SimpleNamespace(sha256=timed(hashlib.sha256, nothing))  # type: ignore[assignment]
    train.state_hash = timed(own[1], "")
    try:
        yield lambda: taken[0]
    finally:
        checkpoint.hashlib, train.state_hash = own
