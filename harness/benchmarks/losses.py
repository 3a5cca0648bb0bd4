"""Measure what each loss on a Ray cluster costs: `bench speed losses` (extra `cluster`).

Two blocks of one cell are trained on two nodes of one core, each on its own node. In the middle of both, a worker or
the second node is killed or the command is interrupted; or the second node has a disk without space from the start. The
whole time of the command is compared with that of an undisturbed run, and the record must have the same bits.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.benchmarks.cluster import PRESET, bench, chain, check_ray, ended, files, finish, same, tree
from harness.benchmarks.record import Options, alternate, record, row
from harness.errors import BenchError
from harness.files import write_text
from harness.places import live
from harness.places.cluster.loopback import Nodes, nodes, parent, workers
from harness.places.cluster.node import IN_USE
from harness.plan.outline import outlines
from harness.report.records.measured import Record
from harness.store import RECORDS

STEPS = 400  # must take much longer than MIDDLE_SECONDS
BLOCKS = f"{PRESET}_"  # the titles of its blocks begin so
BROKEN = "broken"  # a task whose expert fails
ROOM = 32_768  # bytes on the full disk: enough for the code, and for no checkpoint
MIDDLE_SECONDS = 25.0  # of training before the event; a checkpoint is written every 20 s
BEGIN_SECONDS = 300.0  # in which both blocks must begin


@dataclass
class Run:
    """A command that runs on a cluster; `process` is the present one if it was started again."""

    cluster: Nodes
    root: Path
    words: list[str]
    process: subprocess.Popen[str]


Act = Callable[[Run], None]


def measure(options: Options) -> Iterator[Record]:
    check_ray()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it, and so would commands
    whole = chain(options.root, STEPS)
    with nodes() as cluster:
        events = Events(cluster, first(whole))
        runs = {
            "undisturbed": lambda _: events.run(),
            "worker": lambda _: events.run(kill_worker, resumed=True),
            "worker_shared": lambda _: events.run(kill_worker, shared=True, resumed=True),
            "node": lambda _: events.run(lose_node),
            "node_shared": lambda _: events.run(lose_node, shared=True, resumed=True),
            "full": lambda _: events.full(),
            "interrupt": lambda _: events.run(interrupt, shared=True, resumed=True),
            "second": lambda _: events.run(second_command),
            "failing": lambda _: events.failing(with_failing(whole)),
        }
        pairs = [values for _, values in alternate(options, **runs)]
    names = {
        "worker": "a worker is killed: its block resumes from the node's disk",
        "worker_shared": "a worker is killed, shared folder: its block resumes",
        "node": "a node is lost: its block begins again on the other",
        "node_shared": "a node is lost, shared folder: its block resumes on the other",
        "full": "the disk of a node is full: its block begins again on the other",
        "interrupt": "Ctrl-C and the same command again, shared folder: both blocks resume",
        "second": "the same command a second time in one folder: it is refused",
        "failing": "an expert fails: what imitates it is not begun, the other blocks end",
    }
    alone = [values["undisturbed"] for values in pairs]
    rows = [row(said, "s", [values[name] for values in pairs], alone, "undisturbed") for name, said in names.items()]
    settings = {"updates": STEPS, "blocks": 2, "records": "equal to the bit"}
    yield record(options, "losses", "Losses on a Ray cluster", rows, settings, threads=2)


def first(whole: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of the expert of the chain alone."""
    return _only(whole, _expert(whole))


def with_failing(whole: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of `first` with the same expert a second time, as BROKEN, and a task that imitates it."""
    expert = _expert(whole)
    (method,) = whole["methods"][expert]
    task = next(task for task, block in whole["tasks"].items() if "demonstrations" in block)
    imitates = whole["tasks"][task] | {"demonstrations": f"{BROKEN}/{method}"}
    made = _only(whole, expert)
    made["tasks"] = {BROKEN: whole["tasks"][expert], task: imitates} | made["tasks"]
    made["methods"] |= {BROKEN: whole["methods"][expert], task: whole["methods"][task]}
    return made


def _expert(whole: dict[str, Any]) -> str:
    return next(task for task, block in whole["tasks"].items() if not {"demonstrations", "rewards"} & block.keys())


def _only(whole: dict[str, Any], task: str) -> dict[str, Any]:
    return whole | {part: {task: whole[part][task]} for part in ("tasks", "methods")}


class Events:
    """Runs on a cluster, each in a new folder, that must all make the same record."""

    def __init__(self, cluster: Nodes, params: dict[str, Any]):
        self.cluster, self.params = cluster, params
        self.made: dict[str, bytes] = {}

    def run(self, act: Act | None = None, shared: bool = False, resumed: bool = False) -> float:
        """Return the seconds of a run that `act` disturbs in its middle.

        act: what happens; None for nothing.
        shared: whether the nodes have a shared folder.
        resumed: whether what was disturbed must resume from a checkpoint.
        """
        with tempfile.TemporaryDirectory() as folder:
            root = tree(Path(folder, "tree"), self.params)
            words = ["train", "--on", self.cluster.address]
            if shared:
                Path(folder, "shared").mkdir()
                words += ["--shared", str(Path(folder, "shared"))]
            started = time.perf_counter()
            run = Run(self.cluster, root, words, bench(root, *words))
            with ended(run.process):
                if act is not None:
                    self._middle(run)
                    act(run)
                finish(run.process)
            spent = time.perf_counter() - started
            log = (root / ".scratch/train.log").read_text(encoding="utf-8")
            if resumed != ("goes on from step" in log):
                disturbed = act.__name__ if act else "nothing"
                raise BenchError(f"after {disturbed}, a block {'began again' if resumed else 'resumed'}: {log[-2000:]}")
            found = files(root)
        self.made = self.made or found
        same(found, self.made)
        if act is lose_node:
            self.cluster.join()
        return spent

    def full(self) -> float:
        """Return the seconds of a run with a second node whose disk is full."""
        self.cluster.lose()
        self.cluster.join(ROOM)
        spent = self.run()
        self.cluster.lose()
        self.cluster.join()
        return spent

    def failing(self, params: dict[str, Any]) -> float:
        """Return the seconds of a run in which an expert fails.

        params: those of `with_failing`.
        """
        with tempfile.TemporaryDirectory() as folder:
            root = tree(Path(folder), params)
            data = root / f"results/data/{BROKEN}.json"
            write_text(data, data.read_text(encoding="utf-8").replace('"data_hash": "', '"data_hash": "0'))
            started = time.perf_counter()
            process = bench(root, "train", "--on", self.cluster.address)
            with ended(process):
                out, err = process.communicate()
            spent = time.perf_counter() - started
            if process.returncode != 2 or f"takes from {BROKEN}/" not in out:
                raise BenchError(f"a run with a failing expert ended with {process.returncode}: {err.strip()}")
            beside = {cell.task for cell in outlines(root).cells} - set(self.params["tasks"])
            if begun := [path for task in beside for path in root.glob(f"{RECORDS}/{task}/*")]:
                raise BenchError(f"a cell was recorded though its expert had failed: {begun[0]}")
            same(files(root, left_out=beside), self.made)
        return spent

    def _middle(self, run: Run) -> None:
        """Wait until both blocks have trained for so long. Raises BenchError if they do not, or end before."""

        def steps() -> list[int]:
            try:
                jobs = json.loads((run.root / live.FILE).read_text(encoding="utf-8"))["jobs"]
            except FileNotFoundError:
                return []
            return [job["step"] for job in jobs]

        def begun() -> bool:
            return len(steps()) == 2 and min(steps()) > 0

        end = time.monotonic() + BEGIN_SECONDS
        while not begun():
            if run.process.poll() is not None or time.monotonic() > end:
                raise BenchError("the blocks did not begin at the same time")
            time.sleep(0.1)
        time.sleep(MIDDLE_SECONDS)
        if not begun():
            raise BenchError("a block ended before the middle: raise STEPS")


def kill_worker(run: Run) -> None:
    """Kill the worker of the block on the second node, but none of Ray's own helpers there."""
    for pid in workers(BLOCKS):
        if parent(pid) == run.cluster.second:
            os.kill(pid, signal.SIGKILL)


def lose_node(run: Run) -> None:
    run.cluster.lose()


def interrupt(run: Run) -> None:
    """Interrupt the command, and start it again."""
    run.process.send_signal(signal.SIGINT)
    _, err = run.process.communicate()
    if run.process.returncode != 128 + signal.SIGINT:
        raise BenchError(f"an interrupted command ended with {run.process.returncode}: {err.strip()}")
    run.process = bench(run.root, *run.words)


def second_command(run: Run) -> None:
    """Start the same command beside the first. Raises BenchError if it is not refused."""
    other = bench(run.root, *run.words)
    _, err = other.communicate()
    if other.returncode != 2 or IN_USE not in err:
        raise BenchError(f"a second command ended with {other.returncode}: {err.strip()}")
