"""What a device gives: updates per second of the released image nets, one seed and five, by precision and by graph.

    python -m harness.benchmarks.device --updates 30

Data are random pixels, resident on the device. On a GPU each row is timed between two synchronisations, after the
updates in which kernels are chosen and the graph is captured.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

SHAPE, IMAGES, WARM_UP = (3, 32, 32), 10_000, 5
BLOCK = {
    "algorithm": "gan", "loss": "non_saturating", "net": (net := {"kind": "residual", "width": 32, "max_width": 256}),
    "generator_net": net, "head": "lrelu_linear", "latent": 256, "batch": 64, "penalties": {"r1": {"weight": 10.0, "half": False}},
    "critic_optimizer": (rate := {"name": "rmsprop", "lr": 1e-4, "alpha": 0.99}), "generator_optimizer": rate, "ema": {"decay": 0.999},
    "bottleneck": {"size": 256, "i_c": 0.1, "beta": 0.1, "dual_step": 1e-5, "kl_reduce": "per_position", "generator_z": "sample"},
}  # fmt: skip


class Pixels:
    def __init__(self, device: torch.device):
        self.images = torch.randint(0, 256, (IMAGES, *SHAPE), dtype=torch.uint8).to(device)

    def batch(self, draws: Any, size: int, name: str = "batch") -> dict[str, torch.Tensor]:
        from harness.tasks.batches import epoch_indices
        from harness.tasks.pixels import augment

        return {"x": augment(self.images[epoch_indices(draws, IMAGES, size, name)], draws, name, True, 1 / 128)}


def rows(device: torch.device, updates: int, repeats: int = 5) -> Iterator[dict[str, Any]]:
    """One measurement after the other: medians and ranges of `repeats` runs of `updates`."""
    on_cuda = device.type == "cuda"
    for precision in ("fp32", "tf32", "bf16") if on_cuda else ("fp32", "bf16"):
        for graphs in (False, True) if on_cuda else (False,):
            for seeds in (1, 5):
                seconds, mode = _time(device, precision, graphs, seeds, updates, repeats)
                rates = [seeds * BLOCK["batch"] * updates / s for s in seconds]
                yield {
                    "precision": precision, "updates": mode, "seeds": seeds, "images_per_second": statistics.median(rates),
                    "least": min(rates), "most": max(rates), "peak_bytes": torch.cuda.max_memory_allocated() if on_cuda else None,
                }  # fmt: skip


def _time(device: torch.device, precision: str, graphs: bool, seeds: int, updates: int, repeats: int) -> tuple[list[float], str]:
    from harness import registry
    from harness.contracts import TaskSpec
    from harness.run.device import arithmetic
    from harness.run.seeds import CounterDraws
    from harness.run.step import Step

    os.environ["BENCH_GRAPHS"] = str(int(graphs))
    algorithm, numbers = registry.algorithm("gan"), tuple(range(seeds))
    draws = CounterDraws(numbers, "benchmark", device)
    spec = TaskSpec("images", SHAPE, WARM_UP + repeats * updates)
    method = algorithm.build(algorithm.Params(**BLOCK), spec, CounterDraws(numbers, "benchmark", lookahead=1), device)
    step, seconds, k = Step(method, Pixels(device), draws), [], 0
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    with arithmetic(precision, device):
        for count in (WARM_UP, *[updates] * repeats):
            wait()
            started = time.perf_counter()
            for k in range(k, k + count):
                step(k)
            k += 1
            wait()
            seconds.append(time.perf_counter() - started)
    return seconds[1:], step.mode


def main() -> None:
    from harness.run.device import name_of, pick_device

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--updates", type=int, default=30)
    parser.add_argument("--out", type=Path, help="a JSON file for the rows")
    args = parser.parse_args()
    device = pick_device()
    found = []
    for row in rows(device, args.updates):
        found.append(row)
        print(f"{row['precision']}  {row['seeds']} seeds  {row['images_per_second']:10,.0f} images/s  {row['updates']}", flush=True)
    if args.out:
        args.out.write_text(json.dumps({"device": name_of(device), "torch": torch.__version__, "rows": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
