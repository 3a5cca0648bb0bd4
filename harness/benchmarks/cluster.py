"""Time a Ray cluster beside the processes of one machine: `bench speed cluster` (extra `cluster`).

The work is a chain of three tasks in 22 blocks: the expert of the C-maze, five learnt rewards, and the re-training on
each of them, for a few updates. A pair trains it from nothing with two local processes and on two nodes of one core on
the loop-back device. All files of every record must be equal, except those that say where and when it was made.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

from harness.benchmarks.record import Options, alternate, at_most, record, row
from harness.errors import BenchError
from harness.files import write_text
from harness.places.cluster.loopback import LOOPBACK, nodes
from harness.places.prepare import prepare
from harness.places.train import ENVIRONMENTS
from harness.plan.outline import outlines
from harness.plan.plan import load_plan
from harness.report.records.measured import Record
from harness.store import PROVENANCE, SEAL
from harness.workspace.presets import compose_preset
from harness.yaml_text import dump

PRESET, ROWS = "c_maze", 5
SEEDS, BLOCK = [0, 1, 2, 3], 2
OWN = {PROVENANCE, SEAL, ENVIRONMENTS}  # the files that say where and when
AIM = 1.1


def measure(options: Options) -> Iterator[Record]:
    check_ray()
    steps = options.size(12, 2)
    params = chain(options.root, steps)
    made: dict[str, dict[str, bytes]] = {}
    with nodes() as cluster:

        def run(side: str, *words: str) -> float:
            with tempfile.TemporaryDirectory() as folder:
                root = tree(Path(folder), params)
                started = time.perf_counter()
                finish(bench(root, "train", *words))
                spent = time.perf_counter() - started
                made[side] = files(Path(folder))
            return spent

        def here(_: int) -> float:
            return run("here", "--jobs", "2")

        def there(_: int) -> float:
            return run("there", "--on", cluster.address)

        pairs = []
        for _, both in alternate(options, ours=there, theirs=here):
            same(made["there"], made["here"])
            pairs.append(both)
    ours, theirs = ([both[side] for both in pairs] for side in ("ours", "theirs"))
    rows = [row("three tasks in 22 blocks", "s", ours, theirs, "two local processes", aim=at_most(AIM))]
    settings = {"updates": steps, "files of records": f"{len(made['here'])}, all equal"}
    yield record(options, "cluster", "A Ray cluster of two nodes", rows, settings, threads=2)


def check_ray() -> None:
    """Raise BenchError without Ray."""
    if importlib.util.find_spec("ray") is None:
        raise BenchError("it needs Ray: pip install -e '.[cluster]'")


def chain(root: Path, steps: int) -> dict[str, Any]:
    """Return the parameters of the chain, taken from the preset."""
    params = compose_preset(root, PRESET)
    whole = params["methods"]
    last = [task for task, block in params["tasks"].items() if "rewards" in block]
    rows = [name for task in last for name in whole[task]][:ROWS]
    params["methods"] = {
        task: {name: block for name, block in blocks.items() if name in rows or len(blocks) == 1}
        for task, blocks in whole.items()
    }
    few = {"seeds": SEEDS, "block": BLOCK, "steps": steps, "evaluations": 1}
    params["tasks"] = {task: block | few for task, block in params["tasks"].items()}
    return {name: params[name] for name in ("preset", "protocol", "tasks", "methods")} | {"report": {"baseline": {}}}


def tree(root: Path, params: dict[str, Any]) -> Path:
    """Write a project, prepare the tasks that wait for no other, and return its folder."""
    write_text(root / "params.yaml", dump(params))
    plan = load_plan(root)
    for task in [task for task, block in params["tasks"].items() if "demonstrations" not in block]:
        prepare(root, plan, task)
    return root


def bench(root: Path, *words: str) -> subprocess.Popen[str]:
    """Start a command; the driver is a process of its own, because Ray reads its variables when it is imported."""
    line = [sys.executable, "-m", "harness", "--root", str(root), *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(line, env=os.environ | LOOPBACK, stdout=pipe, stderr=pipe, text=True)


def finish(run: subprocess.Popen[str]) -> str:
    """Wait for a command, and return what it printed. Raises BenchError if it fails."""
    with ended(run):
        out, err = run.communicate()
    if run.returncode:
        raise BenchError(f"a run failed: {(err.strip().splitlines() or ['it said nothing'])[-1]}")
    return out


@contextlib.contextmanager
def ended(run: subprocess.Popen[str]) -> Iterator[None]:
    """Leave no command behind."""
    try:
        yield
    finally:
        run.kill()


def files(root: Path, left_out: Container[str] = ()) -> dict[str, bytes]:
    """Return the content of all files of all records by their path, without those that say where and when.

    left_out: the tasks whose records do not count.
    """
    folders = [cell.folder(root) for cell in outlines(root).cells if cell.task not in left_out]
    found = [path for folder in folders for path in folder.iterdir() if path.name not in OWN]
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(found)}


def same(there: dict[str, bytes], here: dict[str, bytes]) -> None:
    """Raise BenchError for the first file that is not equal."""
    for name in sorted(there.keys() | here.keys()):
        if there.get(name) != here.get(name):
            raise BenchError(f"{name} of the cluster is not that of this machine")
