"""Measure a device in environment steps per second of whole control updates, with physics by mujoco-warp.

    python -m harness.benchmarks.physics

An update consists of rollout, discriminator and policy, as in the presets. The expert's demonstrations are noise, which
takes the same time. `acting` is the share of the time that rollouts take: policy, engine and reward.
"""

from __future__ import annotations

import importlib.util
import statistics
import time
from pathlib import Path
from typing import Any, NamedTuple

import torch

from harness import registry
from harness.contracts import Act, Draws, Rollout, TaskSpec
from harness.run.like import without_title
from harness.run.seeds import CounterDraws
from harness.workspace.presets import compose_preset


class Work(NamedTuple):
    """A block of a preset, with its number of seeds and the number of environments of each seed on a GPU."""

    title: str
    task: str  # the preset's name too
    method: str
    seeds: int
    worlds: int


WORK = (Work("Hopper, VAIL", "hopper", "vail", 1, 1024), Work("S-maze, VAIRL", "s_maze", "vairl_gp", 5, 500))
FEW, SHORT, EPISODES = 8, 8, 10


class Shown:
    """Environments whose expert is noise, with a clock over their rollouts."""

    def __init__(self, source: Any, spec: TaskSpec, device: torch.device):
        self.source, self.seconds, self.wait = source, 0.0, waiting(device)
        steps = 1, spec.horizon, EPISODES
        observations, actions = (torch.randn(*steps, size, device=device) for size in (*spec.shape, spec.action_size))
        ends = torch.zeros(steps, dtype=torch.bool, device=device)
        self.expert = Rollout(observations, actions, torch.zeros(steps, device=device), observations, ends, ends)

    def rollout(self, act: Act, draws: Draws, n_envs: int, *names: str) -> Rollout:
        self.wait()
        started = time.perf_counter()
        found = self.source.rollout(act, draws, n_envs, *names)
        self.wait()
        self.seconds += time.perf_counter() - started
        return found

    def demonstrations(self) -> Rollout:
        return self.expert


def works() -> tuple[Work, ...]:
    """Return what can be measured here: nothing without mujoco-warp."""
    if importlib.util.find_spec("mujoco_warp") is None:
        print(
            "steps per second are left out: physics on a device needs mujoco-warp, pip install 'vdb-bench[gpu]'",
            flush=True,
        )
        return ()
    return WORK


def measure_work(root: Path, work: Work, device: torch.device, updates: int, repeats: int) -> dict[str, Any]:
    """Measure the median and range over `repeats` runs of `updates` updates."""
    on_cuda, blocks = device.type == "cuda", compose_preset(root, work.task)
    seeds, worlds = tuple(range(work.seeds)), work.worlds if on_cuda else FEW
    words = {"physics": "warp", "demonstrations": None, "seeds": seeds, "block": work.seeds}
    words |= {} if on_cuda else {"horizon": SHORT}
    block = without_title(blocks["methods"][work.task][work.method])
    block = block | {"learner": block["learner"] | {"n_envs": worlds}}
    family, algorithm = registry.family(blocks["tasks"][work.task]["family"]), registry.algorithm(block["algorithm"])
    task = family.build(work.task, family.Params(**without_title(blocks["tasks"][work.task]) | words), root)
    draws = CounterDraws(seeds, "benchmark", device, lookahead=1)
    method = algorithm.build(
        algorithm.Params(**block), task.spec, CounterDraws(seeds, "benchmark", lookahead=1), device
    )
    source, wait = Shown(task.source(device), task.spec, device), waiting(device)
    if on_cuda:
        torch.cuda.reset_peak_memory_stats()
    rates, shares, done = [], [], 0
    for count in (1, *[updates] * repeats):  # the first compiles and records
        source.seconds = 0.0
        wait()
        started = time.perf_counter()
        for step in range(done, done + count):
            draws.step = step
            method.update(source, draws)
        done += count
        wait()
        seconds = time.perf_counter() - started
        rates.append(count * work.seeds * worlds * task.spec.horizon / seconds)
        shares.append(source.seconds / seconds)
    rates = rates[1:]
    return {
        "what": work.title,
        "physics": "warp",
        "seeds": work.seeds,
        "worlds": worlds,
        "horizon": task.spec.horizon,
        "steps_per_second": statistics.median(rates),
        "least": min(rates),
        "most": max(rates),
        "acting": statistics.median(shares[1:]),
        "peak_bytes": torch.cuda.max_memory_allocated() if on_cuda else None,
    }


def waiting(device: torch.device):
    return torch.cuda.synchronize if device.type == "cuda" else lambda: None


def line(row: dict[str, Any]) -> str:
    worlds = f"{row['seeds']} x {row['worlds']} worlds"
    return f"{row['what']:<14} {worlds:<15} {row['steps_per_second']:10,.0f} steps/s  {row['acting']:.0%} of it acting"


def main() -> None:
    from harness.run.device import pick_device

    for work in works():
        print(line(measure_work(registry.ROOT, work, pick_device(), 1, 3)), flush=True)


if __name__ == "__main__":
    main()
