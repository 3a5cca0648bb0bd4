"""Kill training processes at random moments, start them again, compare with runs that nobody disturbed.

`python -m harness.tests.kill --runs 20` goes through every image method and ends with status 1 on any difference;
`--method vail --family locomotion` keeps to one that acts, in its simulator, and `--family mocap` to methods that
follow a recorded clip. A process is killed with SIGKILL, so nothing of its own runs any more: what counts is on the
disk. Processes are forked from a server that has the libraries imported, as the imports take longer than the runs.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.run.pins import pin

STEPS = 150
CHECKPOINT_SECONDS = 0.05  # many checkpoints, so that a kill may also meet one being written
PRELOADED = ["torch._dynamo", "sklearn.datasets", "harness.places.train", "baselines.methods.gan", __name__]


@dataclass(frozen=True)
class Outcome:
    """One killed run. resumed_at: the step of its last checkpoint, 0 for none; differing: paths in its files."""

    cell: str
    seconds: float
    resumed_at: int
    hash: str
    differing: list[str]


def image_cells(root: Path, steps: int = STEPS) -> list:
    """Every image method at smoke size, its params.yaml and data manifest written below `root`."""
    from harness import registry
    from harness.plan.params import blocks_of
    from harness.plan.plan import load_plan
    from harness.registry import ROOT
    from harness.yaml_text import dump

    params = blocks_of(ROOT)
    params["ablations"] = {}
    for block in params["tasks"].values():
        if block["family"] == "images":
            block |= {"seeds": [0, 1], "steps": steps, "evaluations": 3}
    (root / "params.yaml").write_text(dump(params))
    cells = [cell for cell in load_plan(root).cells if cell.family == "images"]
    for cell in {cell.task: cell for cell in cells}.values():
        task = registry.family(cell.family).build(cell.task, cell.task_params, root)
        manifest = root / "results" / "data" / f"{cell.task}.json"
        manifest.parent.mkdir(parents=True, exist_ok=True)
        manifest.write_text(json.dumps({"data_hash": task.data_hash}))
    return cells


def control_cells(root: Path, steps: int = STEPS) -> list:
    """Every method of imitation on a robot at smoke size, its expert's demonstrations below `root`."""
    from harness.places.prepare import prepare
    from harness.places.train import train_cell
    from harness.plan.plan import load_plan
    from harness.registry import ROOT
    from harness.workspace.presets import compose_preset
    from harness.yaml_text import dump

    params = compose_preset(ROOT, "smoke") | {"ablations": {}}
    for key in ("tasks", "methods"):
        params[key] = {task: params[key][task] for task in ("pendulum_expert", "pendulum")}
    params["tasks"]["pendulum"] |= {"steps": steps, "evaluations": 3}
    params["report"] |= {"baseline": {}}
    (root / "params.yaml").write_text(dump(params))
    plan = load_plan(root)
    prepare(root, plan, "pendulum_expert")
    train_cell(root, plan.cell("pendulum_expert", "ppo"))
    prepare(root, plan, "pendulum")
    return [cell for cell in plan.cells if cell.task == "pendulum"]


def motion_cells(root: Path, steps: int = STEPS) -> list:
    """Every row of the recorded run that is shown the clip alone, at small size; it needs the clips of `mocap`."""
    from harness.places.prepare import prepare
    from harness.plan.plan import load_plan
    from harness.registry import ROOT
    from harness.workspace.presets import compose_preset
    from harness.yaml_text import dump

    task = "run_flat"
    params = compose_preset(ROOT, "mocap_flat") | {"ablations": {}, "report": {"baseline": {}}}
    short = {"demonstrations": None, "seeds": [0, 1], "block": 2, "steps": steps, "evaluations": 3, "horizon": 8}
    params["tasks"] = {task: params["tasks"][task] | short}
    shown = {
        name: row for name, row in params["methods"][task].items() if "discriminator" in row and "shown" not in row
    }
    for row in shown.values():
        row |= {"batch": 16, "discriminator_steps": 2, "learner": row["learner"] | {"n_envs": 4, "minibatches": 2}}
    params["methods"] = {task: shown}
    (root / "params.yaml").write_text(dump(params))
    plan = load_plan(root)
    prepare(root, plan, task)
    return [cell for cell in plan.cells if cell.name in shown]


FAMILIES = {"images": image_cells, "locomotion": control_cells, "mocap": motion_cells}


def train(root: Path, scratch: Path, cell) -> None:
    """The child: trains the cell's block, from its checkpoint where there is one."""
    from harness.places import train as command

    os.environ["BENCH_DEVICE"] = "cpu"  # the tier that promises bits
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    scratch.mkdir(exist_ok=True)
    for name in ("params.yaml", "results"):
        if not (scratch / name).exists():
            (scratch / name).symlink_to(root / name)
    command.Schedule = partial(command.Schedule, checkpoint_seconds=CHECKPOINT_SECONDS)
    command.train_block(scratch, cell, 0)


def start(*args):
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    process = context.Process(target=train, args=args)
    process.start()
    return process


def finish(*args) -> float:
    """Train to the end; returns the seconds it took."""
    started = time.monotonic()
    process = start(*args)
    process.join()
    if process.exitcode != 0:
        raise SystemExit(f"{args[-1].name}: the training process ended with status {process.exitcode}")
    return time.monotonic() - started


def kill_once(root: Path, scratch: Path, cell, seconds: float) -> bool:
    """SIGKILL that long after the run's folder was made; False if the run was over by then."""
    process = start(root, scratch, cell)
    while process.is_alive() and not list(scratch.glob(".scratch/runs/*/*/run.json")):
        time.sleep(0.001)
    process.join(seconds)
    process.kill()
    process.join()
    return process.exitcode != 0


def files(scratch: Path) -> dict:
    """Name -> state in every checkpoint and snapshot of the one run below `scratch`."""
    from harness.run import checkpoint

    found = {}
    for folder in scratch.glob(".scratch/runs/*/*"):
        identity = json.loads((folder / "run.json").read_text(encoding="utf-8"))["identity"]
        # The checkpoint before the last one is of whatever step the clock gave it.
        paths = sorted(path for path in folder.glob("*.pt") if path.name != checkpoint.PREVIOUS)
        found |= {path.name: checkpoint.load(path, identity) for path in paths}
    return found


def tried(root: Path, name: str, cell, undisturbed: tuple[Path, float], generator: random.Random) -> Outcome:
    """Kill one run of `cell` somewhere in its course, let it end, compare."""
    from harness.checks.same import differences

    limit = undisturbed[1]
    for attempt in range(20):
        scratch, seconds = root / f"{name}-{attempt}", generator.uniform(0.0, limit)
        if kill_once(root, scratch, cell, seconds):
            break
        limit *= 0.7  # the run was over: earlier
    resumed_at = files(scratch).get("checkpoint.pt", {"run": {"step": 0}})["run"]["step"]
    finish(root, scratch, cell)
    ours, theirs = files(scratch), files(undisturbed[0])
    return Outcome(cell.name, seconds, resumed_at, hash_of(ours["checkpoint.pt"]), differences(ours, theirs))


def hash_of(state: dict) -> str:
    """16 hex digits over weights, buffers and optimiser state."""
    import hashlib

    from harness.checks.same import bits
    from harness.run.params import flatten

    total = hashlib.sha256()
    for name, value in flatten({"method": state["method"], "optimizers": state["optimizers"]}).items():
        total.update(
            name.encode() + (bits(value).numpy().tobytes() if hasattr(value, "dtype") else repr(value).encode())
        )
    return total.hexdigest()[:16]


def main() -> int:
    arguments = argparse.ArgumentParser(
        description="kill training runs at random moments and compare them with whole ones"
    )
    arguments.add_argument("--runs", type=int, default=20)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--family", choices=FAMILIES, default="images")
    arguments.add_argument("--method", help="one of them alone")
    args = arguments.parse_args()
    pin()
    generator, wrong = random.Random(args.seed), 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        cells = [cell for cell in FAMILIES[args.family](root) if args.method in (None, cell.name)]
        if not cells:
            arguments.error(f"--method {args.method}: no such method of the family {args.family}")
        whole = {}
        print(
            f"{'run':>3}  {'method':<22} {'killed after s':>14} {'went on from':>12}  {'state':<16}"
            "  against the whole run"
        )
        for run in range(max(args.runs, len(cells))):
            cell = cells[run % len(cells)]
            if cell.name not in whole:
                scratch = root / f"whole-{cell.name}"
                finish(root, scratch, cell)
                whole[cell.name] = (scratch, files(scratch)["checkpoint.pt"]["run"]["seconds"])
            outcome = tried(root, f"run{run}", cell, whole[cell.name], generator)
            wrong += bool(outcome.differing)
            verdict = f"differs in {', '.join(outcome.differing[:3])}" if outcome.differing else "bit-equal"
            print(
                f"{run + 1:>3}  {outcome.cell:<22} {outcome.seconds:>14.3f} {outcome.resumed_at:>12}"
                f"  {outcome.hash}  {verdict}",
                flush=True,
            )
    print(f"{wrong} of {run + 1} killed runs differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
