"""What a stack of seeds costs beside one seed, and how much of the time the simulator takes.

    python -m harness.benchmarks.stack c_maze vairl_gp --seeds 5 --updates 60

One seed and the stack train in turns, each from nothing. Prints the ratio of their times for each turn with the
median, and environment steps per second of the whole loop and of the simulator alone (actions at random).
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task")
    parser.add_argument("cell")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--updates", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()

    import torch

    from harness.commands.plan import load_plan
    from harness.commands.train import build_method, build_task, pick_device
    from harness.run.seeds import CounterDraws

    torch.set_num_threads(args.threads)
    root, device = Path.cwd(), pick_device()
    cell = load_plan(root).cell(args.task, args.cell)
    task = build_task(root, cell)
    steps = cell.method_params.learner.n_envs * task.spec.horizon  # of one seed and update

    def draws(n: int) -> CounterDraws:
        return CounterDraws(tuple(range(n)), f"{cell.protocol}/{cell.task}", device)

    def train(n: int) -> float:
        numbers, source = draws(n), task.source(device)
        method = build_method(cell, task, numbers, device)
        started = time.perf_counter()
        for numbers.step in range(args.updates):
            method.update(source, numbers)
        return time.perf_counter() - started

    def simulate(n: int) -> float:
        numbers, source = draws(n), task.source(device)
        noise = numbers.normal("latent", "benchmark", (task.spec.horizon, steps // task.spec.horizon, task.spec.action_size))
        started = time.perf_counter()
        source.rollout(lambda _, t: noise[:, t], numbers, noise.shape[2])
        return time.perf_counter() - started

    ratios, loop, alone = [], [], []
    for _ in range(args.repeats):
        one, stack = train(1), train(args.seeds)
        ratios.append(stack / one)
        loop.append(args.seeds * args.updates * steps / stack)
        alone.append(args.seeds * steps / simulate(args.seeds))
    print(f"{args.seeds} seeds cost {statistics.median(ratios):.2f} times one seed ({', '.join(f'{r:.2f}' for r in ratios)})")
    print(f"environment steps per second, {args.seeds} seeds: {statistics.median(loop):,.0f} of the whole loop, {statistics.median(alone):,.0f} of the simulator")


if __name__ == "__main__":
    main()
