"""Time GAIL on Hopper to a share of the expert's return, each side with the settings that its users would choose.

    bench speed --peer gail-target --python PYTHON

The peer's settings are those that `imitation` ships as its best for Hopper; ours are those of the archived preset. Both
have the same robot, without early termination, the same expert's episodes, one seed and one thread. A policy is scored
at fixed intervals of steps with sampled actions, over episodes that end when Gymnasium ends them; that time is not
counted. A side that misses the target within the budget counts with the time that it had, which is a bound in its
favour, and the record says so.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from harness.benchmarks import beside, peers
from harness.benchmarks.record import Options, alternate, at_most, record, row
from harness.report.records.measured import Record
from harness.run.like import without_title
from harness.workspace.presets import compose_preset

SHARE, AIM = 0.8, 0.1  # of the expert's return; our time / theirs
EVERY = 40_000  # steps between scores
STEPS = 10_000_000  # the most steps of a side: the length of the peer's own runs
PUBLISHED = {
    "n_envs": 8,
    "round": 4096,
    "ppo": {
        "batch_size": 512,
        "clip_range": 0.1,
        "ent_coef": 0.001255299425412744,
        "gae_lambda": 0.98,
        "gamma": 0.995,
        "learning_rate": 4.3984856156897565e-5,
        "max_grad_norm": 0.9,
        "n_epochs": 20,
        "vf_coef": 0.20315938606555833,
    },
    "gail": {"demo_batch_size": 128, "gen_replay_buffer_capacity": 4096, "n_disc_updates_per_round": 8},
}
Path = list[list[float]]  # [steps, seconds of training, mean return] at each score


def measure(options: Options) -> Iterator[Record]:
    found, budget = peers.version("gail-target", options), options.size(1800, 120)
    work = beside.Work("gail", demonstrations=beside.expert(options.root))
    paths: dict[str, list[Path]] = {"ours": [], "theirs": []}

    def keep(side: str, path: Path) -> float:
        paths[side].append(path)
        return path[-1][1]

    task, *_ = beside.build_ours(work, (0,), 1, beside.block("gail"))
    target = SHARE * float(task.expert_episodes.rewards.sum(0).mean())
    made = [
        both
        for _, both in alternate(
            options,
            theirs=lambda k: keep("theirs", theirs(options, work, k, target, budget)),
            ours=lambda k: keep("ours", ours(options, work, k, target, budget)),
        )
    ]
    times = [[both[side] for both in made] for side in ("ours", "theirs")]
    arrived = {side: [path[-1][2] >= target for path in kept] for side, kept in paths.items()}
    rows = [
        row(
            f"to {SHARE:.0%} of the expert's return",
            "s",
            *times,
            "one seed of the peer, its own settings",
            aim=at_most(AIM),
        )
    ]
    settings = {"robot": work.robot, "target": target, "every": EVERY, "budget, s": budget, "published": PUBLISHED}
    yield record(
        options,
        "gail-target",
        f"GAIL on {work.robot}, wall-clock",
        rows,
        settings | {"arrived": arrived, "paths": paths},
        found,
    )


def theirs(options: Options, work: beside.Work, seed: int, target: float, budget: float) -> Path:
    return peers.call(
        options.python,
        "peer_control.py",
        {
            "algorithm": "gail",
            "robot": work.robot,
            "seed": seed,
            "steps": STEPS,
            "episodes": beside.SHOWN,
            "every": EVERY,
            "target": target,
            "budget": budget,
            "demonstrations": str(work.demonstrations.resolve()),
            "n_episodes": beside.EPISODES,
            "published": PUBLISHED,
        },
    )["path"]


def ours(options: Options, work: beside.Work, seed: int, target: float, budget: float) -> Path:
    from harness.metrics import episodes
    from harness.metrics.evaluation import Evaluation
    from harness.run.step import Step

    settings = without_title(compose_preset(options.root, "hopper")["methods"]["hopper"]["gail"])
    steps = settings["learner"]["n_envs"] * 1000  # of an update
    task, method, source, draws = beside.build_ours(work, (seed,), STEPS // steps, settings)
    seconds, path, step = 0.0, [], Step(method, source, draws)
    while not path or (path[-1][2] < target and seconds < budget):
        started = time.perf_counter()
        for k in range(draws.step, draws.step + EVERY // steps):
            step(k)
        draws.step += 1
        seconds += time.perf_counter() - started
        found = episodes.compute(Evaluation(task, method.outputs(), draws))["return"].values
        path.append([draws.step * steps, seconds, float(found[0])])
    return path
