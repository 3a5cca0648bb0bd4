"""A Ray cluster of two nodes on one machine: the bits of the local place, whatever is lost on the way."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from harness.places import live
from harness.places.cluster.loopback import LOOPBACK, Nodes, nodes, parent, workers
from harness.places.prepare import prepare
from harness.places.train import ENVIRONMENTS, train_cell
from harness.places.tune import FOLDER, tune
from harness.plan import needs
from harness.plan.plan import Cell, Plan, load_plan
from harness.plan.tests.test_needs import PARAMS
from harness.registry import ROOT
from harness.run.params import read_yaml
from harness.tests import small
from harness.yaml_text import dump, parse

pytest.importorskip("ray", reason="needs the extra `cluster`: pip install -e '.[cluster]'", exc_type=ImportError)

LONG = 2000  # steps of a block that is to be interrupted


@pytest.fixture(scope="module")
def cluster() -> Iterator[Nodes]:
    with nodes() as made:
        yield made


def written(root: Path, params: dict) -> Plan:
    root.mkdir(parents=True, exist_ok=True)
    (root / "params.yaml").write_text(dump(params), encoding="utf-8")
    return load_plan(root)


def chain() -> dict:
    """Expert, imitation, retraining; the same imitation of an expert that fails; two Gaussians."""
    params = copy.deepcopy(PARAMS)
    tasks, methods = params["tasks"], params["methods"]
    tasks |= {"broken": copy.deepcopy(tasks["taught"]), "fooled": tasks["learnt"] | {"demonstrations": "broken/expert"}}
    methods |= {"broken": copy.deepcopy(methods["taught"]), "fooled": copy.deepcopy(methods["learnt"])}
    params["resources"] = {"taught": {"cpus": 0.5, "memory": 0.1}}
    return params


def long(steps: int = LONG) -> dict:
    params = copy.deepcopy(small.PARAMS)
    params["tasks"]["pair"] |= {"steps": steps, "evaluations": 10, "log_points": 10}
    params["methods"]["pair"] = {"plain": params["methods"]["pair"]["plain"]}
    return params


def tried(root: Path) -> Plan:
    """Two trials of one method on real digits, for a few steps."""
    whole = parse((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params = small.PARAMS | {
        "tasks": {"digits8": whole["tasks"]["digits8"]},
        "methods": {"digits8": {"gan": whole["methods"]["digits8"]["gan"]}},
        "report": {"baseline": {}},
    }
    space = read_yaml(ROOT / FOLDER / "digits8.yaml") | {"trials": 2, "steps": 4, "n_validation": 50}
    (root / FOLDER).mkdir(parents=True)
    (root / FOLDER / "digits8.yaml").write_text(dump(space), encoding="utf-8")
    weights = Path("results/data/digits-cnn.npz")
    (root / weights).parent.mkdir(parents=True)
    (root / weights).write_bytes((ROOT / weights).read_bytes())
    return written(root, params)


def files(root: Path, cell: Cell) -> dict[str, bytes]:
    told = {"provenance.json", "SHA256SUMS", ENVIRONMENTS}
    return {path.name: path.read_bytes() for path in cell.folder(root).iterdir() if path.name not in told}


def environments(root: Path, cell: Cell) -> dict[str, dict]:
    return json.loads((cell.folder(root) / ENVIRONMENTS).read_text(encoding="utf-8"))


def board(root: Path) -> list[dict]:
    """The jobs that run, as `bench list` reads of them."""
    try:
        return json.loads((root / live.FILE).read_text(encoding="utf-8"))["jobs"]
    except FileNotFoundError:
        return []


@contextlib.contextmanager
def driver(root: Path, *words: str, command: str = "train") -> Iterator[subprocess.Popen[str]]:
    """A process of its own: Ray reads the variables of a cluster on the loop-back device when it is imported.

    A test that fails leaves none running.
    """
    line = [sys.executable, "-m", "harness", "--root", str(root), command, *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(line, cwd=ROOT, env=os.environ | LOOPBACK, stdout=pipe, stderr=pipe, text=True) as run:
        try:
            yield run
        finally:
            run.kill()


def found(folder: Path, pattern: str) -> list[Path]:
    return list(folder.glob(pattern))


def until(condition, run: subprocess.Popen[str] | None = None, seconds: float = 240.0):
    """Wait for a condition, not longer than the command lives that makes it true."""
    end = time.monotonic() + seconds
    while not (met := condition()):
        assert run is None or run.poll() is None, f"ended too early: {run.communicate()}"
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)
    return met


def test_a_chain_has_the_bits_of_this_process_and_a_failing_expert_stops_its_own_alone(
    cluster: Nodes, tmp_path: Path
) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    plan = written(ours, chain())
    cells = {needs.label(cell): cell for cell in plan.cells}
    prepare(ours, plan, "taught")
    for name in ("taught/expert", "learnt/airl", "flipped/airl"):
        prepare(ours, plan, cells[name].task)
        train_cell(ours, cells[name])
    plan = written(theirs, chain())
    for task in ("taught", "flipped", "broken"):
        prepare(theirs, plan, task)
    manifest = theirs / "results/data/broken.json"
    manifest.write_text(manifest.read_text().replace('"data_hash": "', '"data_hash": "0'), encoding="utf-8")
    with driver(theirs, "--on", cluster.address) as run:
        out, err = run.communicate(timeout=300)
    assert run.returncode == 2, err
    for name in ("taught/expert", "learnt/airl", "flipped/airl"):
        assert files(theirs, cells[name]) == files(ours, cells[name]), name
    blocks = environments(theirs, cells["flipped/airl"])
    assert blocks.keys() == {"0", "1"} and all("why" not in block and block["node"] for block in blocks.values())
    failed = next(line for line in out.splitlines() if "broken/expert block 1 of 1 failed: " in line)
    assert "data of broken have hash" in failed and "run `bench prepare broken` (on " in failed
    assert "fooled/airl failed: takes from broken/expert, which failed\n" in out
    assert "fooled/airl block" not in out
    assert err.startswith("error: 2 of ") and err.count("\n") == 1
    assert "taught/expert seeds 0-1: step 2/2" in (theirs / ".scratch/train.log").read_text()
    assert not board(theirs)


def test_trials_have_the_values_of_this_machine(cluster: Nodes, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    tune(ours, tried(ours), "digits8", jobs=1)
    tried(theirs)
    with driver(theirs, "digits8", "--on", cluster.address, command="tune") as run:
        _, err = run.communicate(timeout=300)
    assert run.returncode == 0, err
    table = FOLDER / "digits8.csv"
    assert (theirs / table).read_text() == (ours / table).read_text()
    assert (theirs / table).read_text().count("digits8") >= 4


def test_a_killed_worker_and_a_lost_node_cost_time_alone(cluster: Nodes, tmp_path: Path) -> None:
    ours, theirs, shared = tmp_path / "ours", tmp_path / "theirs", tmp_path / "shared"
    shared.mkdir()
    for root in (ours, theirs):
        plan = written(root, long())
        prepare(root, plan, "pair")
    cell = plan.cell("pair", "plain")
    train_cell(ours, cell)
    with driver(theirs, "pair", "plain", "--on", cluster.address, "--shared", str(shared)) as run:
        first = until(partial(found, shared, f"*/.scratch/runs/*/seeds-*/scores-{LONG // 10}.pt"), run)[0].parent.name
        killed = workers(f"pair/plain block {1 + (first != 'seeds-0-1')} of 2")
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        until(lambda: cluster.second in {parent(pid) for pid in workers("pair/plain block") if pid not in killed}, run)
        cluster.lose()
        out, err = run.communicate(timeout=300)
    assert run.returncode == 0, err
    assert files(theirs, cell) == files(ours, cell)
    lost = [line for line in out.splitlines() if "it is tried again" in line]
    assert len(lost) == 2 and all("was lost (" in line for line in lost), out
    log = (theirs / ".scratch/train.log").read_text()
    begun = [int(line.split("from step ")[1].split()[0]) for line in log.splitlines() if "goes on from step" in line]
    assert begun and min(begun) >= LONG // 10, "what had begun went on from the shared folder"
    assert not list(shared.glob(f"*/.scratch/runs/*/*/snapshot-{LONG // 10}.pt"))
    cluster.join()


def test_a_command_right_after_a_loss_leaves_the_lost_node_out_and_an_interrupt_leaves_checkpoints_and_no_worker(
    cluster: Nodes, tmp_path: Path
) -> None:
    plan = written(tmp_path / "tree", long(10**6))
    prepare(tmp_path / "tree", plan, "pair")
    shared = tmp_path / "shared"
    shared.mkdir()
    cluster.lose()
    with driver(tmp_path / "tree", "pair", "plain", "--on", cluster.address, "--shared", str(shared)) as run:
        until(lambda: any(job["step"] for job in board(tmp_path / "tree")), run)
        run.send_signal(signal.SIGINT)
        asked = time.monotonic()
        _, err = run.communicate(timeout=60)
        took = time.monotonic() - asked
    assert run.returncode == 130, err
    assert err == "interrupted; run the same command to continue from the last checkpoint\n"
    until(lambda: not workers("pair/plain block"), seconds=10 - min(took, 9))
    assert list(shared.glob("*/.scratch/runs/*/*/checkpoint.pt"))
    assert not board(tmp_path / "tree")
