"""Adversarial imitation and PPO on a robot beside a peer, on the same work: environment steps per second and returns.

    python -m harness.benchmarks.beside gail PYTHON --demonstrations results/records/hopper_expert/ppo/artefacts.npz
    python -m harness.benchmarks.beside ppo PYTHON --robot HalfCheetah-v5 --steps 300000 --pairs 3

PYTHON is that of an environment with `imitation` (for gail) and stable-baselines3, see `peer_control.py`. Robot,
demonstrations, sizes of the nets, optimiser steps for each environment step and all settings of SETTINGS are the same.
Pair k is the peer's run with seed k, ours alone with seed k, and a stack of ours, one after the other on one thread
each. The peer's discriminator normalises by both sides' observations, so ours does. The result is printed and written to results/benchmarks/.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

SETTINGS = {
    "ppo": {
        "lr": 3e-4, "horizon": 1000, "n_envs": 4, "minibatches": 32, "epochs": 10, "gamma": 0.99, "lam": 0.95, "clip": 0.2,
        "width": 64, "initial_std": 0.6,
    },
    "gail": {"width": 64, "batch": 256, "steps": 20, "lr": 3e-4},
}  # fmt: skip
EPISODES = 20  # of the final policy, for its return
SHOWN = 11  # of the expert


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("algorithm", choices=("gail", "ppo"))
    parser.add_argument("python", type=Path)
    parser.add_argument("--robot", default="Hopper-v5")
    parser.add_argument("--demonstrations", type=Path)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--stack", type=int, default=5)
    parser.add_argument("--returns", action="store_true", help="score the final policies too")
    args = parser.parse_args()
    if args.algorithm == "gail" and not (args.demonstrations and args.demonstrations.is_file()):
        parser.error(f"--demonstrations {args.demonstrations}: no such file; train the expert's cell first")
    if not args.python.is_file():
        parser.error(f"{args.python}: no such file; give the Python of an environment with the peer")
    rows = []
    for k in range(args.pairs):
        row = {"peer": _peer(args, k), "ours": _ours(args, (k,))}
        if args.stack > 1:
            row["stack"] = _ours(args, tuple(range(k, k + args.stack)))
        rows.append(row)
        print(f"pair {k}: " + ", ".join(f"{who} {run['per_second']:,.0f} steps/s" for who, run in row.items()), flush=True)
    found = _summary(args, rows)
    target = Path("results/benchmarks") / f"{args.algorithm}-{args.robot}-{args.steps}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps({key: value for key, value in found.items() if key != "runs"}, indent=1))
    print(target)


def _peer(args: argparse.Namespace, seed: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "settings.json"
        path.write_text(json.dumps(SETTINGS | {
            "algorithm": args.algorithm, "robot": args.robot, "seed": seed, "steps": args.steps, "episodes": SHOWN,
            "demonstrations": args.demonstrations and str(args.demonstrations.resolve()), "scratch": folder,
            "n_episodes": EPISODES if args.returns else 0,
        }))  # fmt: skip
        script = Path(__file__).with_name("peer_control.py")
        done = subprocess.run([args.python, script, path], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{args.python} {script.name} failed: {done.stderr.strip().splitlines()[-1]}")
    run = json.loads(done.stdout.strip().splitlines()[-1])
    return run | {"per_second": args.steps / run["seconds"]}


def _ours(args: argparse.Namespace, seeds: tuple[int, ...]) -> dict[str, Any]:
    import torch

    from harness import registry
    from harness.metrics import episodes
    from harness.metrics.evaluation import Evaluation
    from harness.run.seeds import CounterDraws

    torch.set_num_threads(1)
    device, family = torch.device("cpu"), registry.family("locomotion")
    rounds = -(-args.steps // (SETTINGS["ppo"]["n_envs"] * SETTINGS["ppo"]["horizon"]))
    imitates = args.algorithm == "gail"
    shown = {"demonstrations": str(args.demonstrations), "episodes": SHOWN} if imitates else {"termination": "restart"}
    params = family.Params(
        family="locomotion", robot=args.robot, seeds=seeds, steps=rounds, threads=1, score={"n_episodes": EPISODES}, **shown
    )
    task = family.build("beside", params, Path())
    algorithm = registry.algorithm("imitation" if imitates else "true_reward")
    draws = CounterDraws(seeds, "benchmark", device)
    method, source = algorithm.build(algorithm.Params(**_block(imitates)), task.spec, draws, device), task.source(device)
    started = time.perf_counter()
    for draws.step in range(rounds):
        method.update(source, draws)
    seconds = time.perf_counter() - started
    run = {"seconds": seconds, "per_second": len(seeds) * args.steps / seconds}
    if args.returns:
        run["returns"] = episodes.compute(Evaluation(task, method.outputs(), draws))["return"].values.tolist()
    return run


def _block(imitates: bool) -> dict[str, Any]:
    """The method's block with SETTINGS."""
    s, g = SETTINGS["ppo"], SETTINGS["gail"]
    fit = {"epochs": s["epochs"], "minibatches": s["minibatches"], "optimizer": {"lr": s["lr"]}}
    learner = {
        "kind": "ppo", "n_envs": s["n_envs"], "gamma": s["gamma"], "lam": s["lam"], "clip": s["clip"], "entropy": "none", **fit,
        "normaliser": {"source": "both" if imitates else "policy"}, "reward_scale": {}, "value": {"kind": "mlp", "width": s["width"], **fit},
        "policy": {"width": s["width"], "initial_std": s["initial_std"]},
    }  # fmt: skip
    if not imitates:
        return {"algorithm": "true_reward", "learner": learner}
    return {
        "algorithm": "imitation", "learner": learner, "batch": g["batch"], "discriminator_steps": g["steps"], "discriminator": {
            "kind": "gail", "net": {"kind": "mlp", "width": g["width"], "depth": 2, "activation": "relu"}, "head": "linear",
            "input": "sa", "policy_reward": "softplus", "critic_optimizer": {"lr": g["lr"]},
        },
    }  # fmt: skip


def _summary(args: argparse.Namespace, rows: list[dict[str, dict[str, Any]]]) -> dict[str, Any]:
    """Medians with ranges of steps per second, and of the ratios within each pair; the simulator's ceiling beside."""

    def of(values: list[float]) -> dict[str, float]:
        return {"median": statistics.median(values), "least": min(values), "most": max(values)}

    who = rows[0].keys()
    return {
        "algorithm": args.algorithm, "robot": args.robot, "steps": args.steps, "stack": args.stack, "machine": _machine(),
        "steps_per_second": {name: of([row[name]["per_second"] for row in rows]) for name in who},
        "ratio_to_peer": {name: of([row[name]["per_second"] / row["peer"]["per_second"] for row in rows]) for name in who if name != "peer"},
        "simulator_alone": of([_ceiling(args) for _ in range(3)]),
        "runs": rows,
    }  # fmt: skip


def _ceiling(args: argparse.Namespace) -> float:
    """Environment steps per second of the simulator under actions at random, one thread, as many worlds as the stack has."""
    import numpy as np

    from harness.sim.robots import ROBOTS, Worlds

    robot, rng, n, steps = ROBOTS[args.robot], np.random.default_rng(0), args.stack * SETTINGS["ppo"]["n_envs"], 300
    worlds = Worlds(robot, n, threads=1)
    worlds.set_state(*robot.reset(rng.random((n, robot.draws)), rng.standard_normal((n, robot.draws))))
    low, high = robot.model.actuator_ctrlrange.T
    actions = rng.uniform(low, high, (steps, n, robot.model.nu))
    started = time.perf_counter()
    for action in actions:
        worlds.step(action)
    return n * steps / (time.perf_counter() - started)


def _machine() -> str:
    import torch

    from harness.run.device import processor

    return f"{processor()}, one thread, torch {torch.__version__}"


if __name__ == "__main__":
    main()
