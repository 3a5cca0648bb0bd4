"""Compare adversarial imitation and PPO on a robot with a peer, on the same work: steps per second and returns.

    python -m harness.benchmarks.beside gail PYTHON --demonstrations results/records/hopper_expert/ppo/artefacts.npz
    python -m harness.benchmarks.beside ppo PYTHON --robot HalfCheetah-v5 --steps 300000 --pairs 3

or `bench speed --peer gail --python PYTHON`. PYTHON is the interpreter of an environment with `imitation` (for gail)
and stable-baselines3, see `peers.py`. The robot, demonstrations, sizes of the nets, optimiser steps for each
environment step and all settings of SETTINGS are the same. Pair k is the peer's run with seed k, ours alone with seed
k, and a stack of ours, on one thread each. With two cores the stack is two blocks at once, and is compared with the
fastest of the peer's three ways to use them: one seed on one core, one seed on both with a process for each
environment, or two seeds at once, one on each core.

Two things still differ. The peer's discriminator normalises by the observations of both sides. So does ours, and with
it the policy, because there is only one normaliser here. And the peer clips the gradients of policy and value together,
whereas ours clips each separately. The result is printed and written to results/benchmarks/.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.benchmarks import peers
from harness.benchmarks.record import Options, alternate, at_least, at_once, lines, record, row, write
from harness.errors import BenchError
from harness.report.records.measured import Record, summary
from harness.run.pins import pin

SETTINGS = {
    "ppo": {
        "lr": 3e-4,
        "horizon": 1000,
        "n_envs": 4,
        "minibatches": 32,
        "epochs": 10,
        "gamma": 0.99,
        "lam": 0.95,
        "clip": 0.2,
        "width": 64,
        "initial_std": 0.6,
    },
    "gail": {"width": 64, "batch": 256, "steps": 20, "lr": 3e-4},
    # Defaults of the peers that their users do not mention; here they are options.
    "defaults": {
        "init": "orthogonal",
        "last_scale": 0.01,
        "clip_norm": 0.5,
        "eps": 1e-5,
        "minibatch_advantages": "standardised",
        "order": "policy_first",
    },
}
EPISODES = 20  # episodes of the final policy, for its return
SHOWN = 11  # episodes of the expert
TITLES = {"gail": "GAIL", "ppo": "PPO"}
CORES = 2
AIMS = {
    "gail": {"one": 3.0, "stack": 8.0, "blocks": 2.5},
    "ppo": {},
}  # ours over the peer on as many cores, in steps per second
PEERS = tuple(AIMS)


@dataclass(frozen=True)
class Work:
    """What both sides do.

    stack: the number of our seeds that are trained at once; 1 for no such runs.
    returns: whether the final policies are scored too.
    """

    algorithm: str
    robot: str = "Hopper-v5"
    demonstrations: Path | None = None
    steps: int = 20_000
    stack: int = 5
    returns: bool = False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("algorithm", choices=PEERS)
    parser.add_argument("python", type=Path)
    parser.add_argument("--robot", default=Work.robot)
    parser.add_argument("--demonstrations", type=Path)
    parser.add_argument("--steps", type=int, default=Work.steps)
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--stack", type=int, default=Work.stack)
    parser.add_argument("--returns", action="store_true", help="score the final policies too")
    args = parser.parse_args()
    pin()
    work = Work(args.algorithm, args.robot, args.demonstrations, args.steps, args.stack, args.returns)
    options = Options(Path.cwd(), python=args.python, pairs=args.pairs)
    try:
        for made in measure(options, work):
            print(*lines(made), write(options.root, made), sep="\n")
    except BenchError as error:
        sys.exit(f"error: {error}")


def of_peer(options: Options, algorithm: str) -> Iterator[Record]:
    """Yield the records of `bench speed`: on Hopper, and for GAIL with the archived expert's episodes."""
    shown = expert(options.root) if algorithm == "gail" else None
    return measure(options, Work(algorithm, demonstrations=shown, steps=options.size(20_000, 8_000)))


def expert(root: Path) -> Path:
    """Return the file with the archived expert's episodes on Hopper."""
    return root / "results/archive/hopper/hopper_expert/ppo/artefacts.npz"


def measure(options: Options, work: Work) -> Iterator[Record]:
    if work.algorithm == "gail" and not (work.demonstrations and work.demonstrations.is_file()):
        raise BenchError(f"--demonstrations {work.demonstrations}: no such file; train the expert's cell first")
    found, runs = peers.version(work.algorithm, options), {"theirs": [], "one": [], "stack": []}

    def keep(name: str, run: dict[str, Any]) -> float:
        runs[name].append(run)
        return run["per_second"]

    sides = {
        "theirs": lambda k: keep("theirs", _peer(options, work, k)),
        "one": lambda k: keep("one", ours(work, (k,))),
    }
    if work.stack > 1:
        sides["stack"] = lambda k: keep("stack", ours(work, tuple(range(k, k + work.stack))))
        sides["theirs_cores"] = lambda k: _peer(options, work, k, CORES)["per_second"]
        sides["theirs_seeds"] = lambda k: _peers(options, work, k)
        sides["blocks"] = lambda k: _blocks(work, tuple(range(k, k + work.stack)))
    made = [values for _, values in alternate(options, **sides)]
    ways = ("theirs", "theirs_cores", "theirs_seeds")
    best = [{**v, "theirs_best": max(v.get(way, 0.0) for way in ways)} for v in made]
    aims = AIMS[work.algorithm]
    names = {
        "one": ("one seed", "theirs", "one seed of the peer"),
        "stack": (f"{work.stack} stacked seeds", "theirs", "one seed of the peer"),
        "blocks": (
            f"{work.stack} seeds, {CORES} blocks on {CORES} cores",
            "theirs_best",
            f"the peer's fastest way on {CORES} cores",
        ),
    }
    rows = [
        row(
            name,
            "steps/s",
            [v[side] for v in best],
            [v[theirs] for v in best],
            against,
            higher_is_better=True,
            aim=at_least(aims[side]) if side in aims else None,
        )
        for side, (name, theirs, against) in names.items()
        if side in sides
    ]
    alone = summary([_ceiling(work) for _ in range(3)])
    settings = {"robot": work.robot, "steps": work.steps, "simulator alone, steps/s": alone, **SETTINGS}
    if work.stack > 1:
        settings[f"one seed of the peer on {CORES} cores, steps/s"] = summary([v["theirs_cores"] for v in made])
        settings[f"{CORES} seeds of the peer on {CORES} cores, steps/s"] = summary([v["theirs_seeds"] for v in made])
    if work.returns:
        settings["returns"] = {
            side: [run["returns"] for run in side_runs] for side, side_runs in runs.items() if side_runs
        }
    title = f"{TITLES[work.algorithm]} on {work.robot}, {work.steps:,} steps"
    yield record(options, f"{work.algorithm}-{work.robot}-{work.steps}", title, rows, settings, found)


def _peer(options: Options, work: Work, seed: int, cores: int = 1) -> dict[str, Any]:
    run = peers.call(options.python, "peer_control.py", peer_settings(work, seed) | {"cores": cores})
    return run | {"per_second": work.steps / run["seconds"]}


def _peers(options: Options, work: Work, seed: int) -> float:
    """Measure the steps per second of several seeds of the peer together, one on each core."""
    runs = at_once(_peer, [(options, work, seed + k) for k in range(CORES)])
    return CORES * work.steps / max(run["seconds"] for run in runs)


def peer_settings(work: Work, seed: int) -> dict[str, Any]:
    """Return the settings of a script that does the same work."""
    return SETTINGS | {
        "algorithm": work.algorithm,
        "robot": work.robot,
        "seed": seed,
        "steps": work.steps,
        "episodes": SHOWN,
        "demonstrations": work.demonstrations and str(work.demonstrations.resolve()),
        "n_episodes": EPISODES if work.returns else 0,
    }


def ours(work: Work, seeds: tuple[int, ...]) -> dict[str, Any]:
    """Train `seeds` as one stack; returns seconds, steps per second of all and, if `work` asks for them, returns."""
    from harness.metrics import episodes
    from harness.metrics.evaluation import Evaluation
    from harness.run.step import Step

    rounds = -(-work.steps // (SETTINGS["ppo"]["n_envs"] * SETTINGS["ppo"]["horizon"]))
    task, method, source, draws = build_ours(work, seeds, rounds, block(work.algorithm))
    step, started = Step(method, source, draws), time.perf_counter()
    for k in range(rounds):
        step(k)
    seconds = time.perf_counter() - started
    run = {"seconds": seconds, "per_second": len(seeds) * work.steps / seconds}
    if work.returns:
        run["returns"] = episodes.compute(Evaluation(task, method.outputs(), draws))["return"].values.tolist()
    return run


def _blocks(work: Work, seeds: tuple[int, ...]) -> float:
    """Measure steps per second of all `seeds` together, with a process for each core that takes a part of them."""
    parts = [(work, seeds[k::CORES]) for k in range(CORES)]
    return len(seeds) * work.steps / max(run["seconds"] for run in at_once(ours, parts))


def build_ours(work: Work, seeds: tuple[int, ...], rounds: int, settings: dict[str, Any]) -> tuple[Any, Any, Any, Any]:
    """Build our task, method, source and draws on one thread.

    work: what both sides do.
    seeds: the seeds of the stack.
    rounds: the number of updates.
    settings: the method's block.
    """
    import torch

    from harness import registry
    from harness.run.seeds import CounterDraws

    torch.set_num_threads(1)
    device, family = torch.device("cpu"), registry.family("locomotion")
    shown = (
        {"demonstrations": str(work.demonstrations), "episodes": SHOWN}
        if work.algorithm == "gail"
        else {"termination": "restart"}
    )
    params = family.Params(
        family="locomotion",
        robot=work.robot,
        seeds=seeds,
        steps=rounds,
        threads=1,
        score={"n_episodes": EPISODES},
        **shown,
    )
    task = family.build("beside", params, Path())
    algorithm = registry.algorithm(settings["algorithm"])
    draws = CounterDraws(seeds, "benchmark", device)
    return task, algorithm.build(algorithm.Params(**settings), task.spec, draws, device), task.source(device), draws


def block(algorithm: str) -> dict[str, Any]:
    """Return the method's block with SETTINGS."""
    s, g, d, imitates = SETTINGS["ppo"], SETTINGS["gail"], SETTINGS["defaults"], algorithm == "gail"
    rate = {"lr": s["lr"], "eps": d["eps"], "clip_norm": d["clip_norm"]}
    fit = {"epochs": s["epochs"], "minibatches": s["minibatches"], "optimizer": rate}
    learner = {
        "kind": "ppo",
        "n_envs": s["n_envs"],
        "gamma": s["gamma"],
        "lam": s["lam"],
        "clip": s["clip"],
        "entropy": "none",
        **fit,
        "advantages": "raw",
        "minibatch_advantages": d["minibatch_advantages"],
        "normaliser": {"source": "both" if imitates else "policy"},
        "reward_scale": None if imitates else {},
        "value": {"kind": "mlp", "width": s["width"], "init": d["init"], **fit},
        "policy": {
            "width": s["width"],
            "initial_std": s["initial_std"],
            "init": d["init"],
            "last_scale": d["last_scale"],
        },
    }
    if not imitates:
        return {"algorithm": "true_reward", "learner": learner}
    return {
        "algorithm": "imitation",
        "learner": learner,
        "order": d["order"],
        "batch": g["batch"],
        "discriminator_steps": g["steps"],
        "discriminator": {
            "kind": "gail",
            "net": {"kind": "mlp", "width": g["width"], "depth": 2, "activation": "relu"},
            "head": "linear",
            "input": "sa",
            "policy_reward": "softplus",
            "critic_optimizer": {"lr": g["lr"]},
        },
    }


def _ceiling(work: Work) -> float:
    """Measure the simulator's steps per second under random actions, in as many environments as the stack has.

    It runs on one thread.
    """
    import numpy as np

    from harness.sim.robots import ROBOTS, Worlds

    robot, rng, n, steps = ROBOTS[work.robot], np.random.default_rng(0), work.stack * SETTINGS["ppo"]["n_envs"], 300
    worlds = Worlds(robot, n, threads=1)
    worlds.set_state(*robot.reset(rng.random((n, robot.draws)), rng.standard_normal((n, robot.draws))))
    low, high = robot.model.actuator_ctrlrange.T
    actions = rng.uniform(low, high, (steps, n, robot.model.nu))
    started = time.perf_counter()
    for action in actions:
        worlds.step(action)
    return n * steps / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
