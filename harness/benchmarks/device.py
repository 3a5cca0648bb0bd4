"""Measure a device in images per second of the released image nets, with one seed and with five.

    python -m harness.benchmarks.device --updates 30

The settings vary precision, graph capture and, on CUDA, the way of convolving five seeds. Data are random pixels on the
device. Each row is timed after the updates in which kernels are chosen and the graph is captured.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

import torch

if TYPE_CHECKING:
    from harness.run.params import Precision

SHAPE, IMAGES, WARM_UP = (3, 32, 32), 10_000, 5
WAYS = ("loop", "grouped", "branches", "products")
BLOCK = {
    "algorithm": "gan",
    "loss": "non_saturating",
    "net": (net := {"kind": "residual", "width": 32, "max_width": 256}),
    "generator_net": net,
    "head": "lrelu_linear",
    "latent": 256,
    "batch": 64,
    "penalties": {"r1": {"weight": 10.0, "half": False}},
    "critic_optimizer": (rate := {"name": "rmsprop", "lr": 1e-4, "alpha": 0.99}),
    "generator_optimizer": rate,
    "ema": {"decay": 0.999},
    "bottleneck": {
        "size": 256,
        "i_c": 0.1,
        "beta": 0.1,
        "dual_step": 1e-5,
        "kl_reduce": "per_position",
        "generator_z": "sample",
    },
}


class Pixels:
    def __init__(self, device: torch.device):
        self.images = torch.randint(0, 256, (IMAGES, *SHAPE), dtype=torch.uint8).to(device)

    def batch(self, draws: Any, size: int, name: str = "batch") -> dict[str, torch.Tensor]:
        from harness.tasks.batches import epoch_indices
        from harness.tasks.pixels import augment

        return {"x": augment(self.images[epoch_indices(draws, IMAGES, size, name)], draws, name, True, 1 / 128)}


class Training:
    """Updates of the released image nets on one device, warmed up, which can be timed repeatedly."""

    VARIABLE = "BENCH_CONVOLUTIONS"

    def __init__(self, device: torch.device, setting: Setting, steps: int):
        from harness import registry
        from harness.contracts import TaskSpec
        from harness.run.seeds import CounterDraws
        from harness.run.step import Step

        algorithm, numbers, spec = (
            registry.algorithm("gan"),
            tuple(range(setting.seeds)),
            TaskSpec("images", SHAPE, WARM_UP + steps),
        )
        self.device, self.setting, self.done = device, setting, 0
        self.variables = {"BENCH_GRAPHS": str(int(setting.graphs)), self.VARIABLE: setting.way or ""}
        with patch.dict(os.environ, self.variables):
            method = algorithm.build(
                algorithm.Params(**BLOCK), spec, CounterDraws(numbers, "benchmark", lookahead=1), device
            )
            self.step = Step(method, Pixels(device), CounterDraws(numbers, "benchmark", device))
        self.seconds(WARM_UP if device.type == "cuda" else 1)

    def seconds(self, updates: int) -> float:
        """Return the seconds of `updates` more updates, on a GPU between two synchronisations."""
        from harness.run.device import arithmetic

        wait = torch.cuda.synchronize if self.device.type == "cuda" else lambda: None
        exactly = arithmetic(self.setting.precision, self.device, self.setting.deterministic)
        with patch.dict(os.environ, self.variables), exactly:
            wait()
            started = time.perf_counter()
            for step in range(self.done, self.done + updates):
                self.step(step)
            self.done += updates
            wait()
            return time.perf_counter() - started


class Setting(NamedTuple):
    """A setting to measure.

    graphs: whether updates are captured as a graph.
    way: the way of convolving a stack of seeds; None for the best on the device.
    deterministic: whether kernels are deterministic as in training; False shows what that costs.
    """

    precision: Precision
    graphs: bool
    seeds: int
    way: str | None = None
    deterministic: bool = True


def settings(device: torch.device) -> list[Setting]:
    """Return the settings to measure on a device, those that matter most first."""
    if device.type != "cuda":
        return [Setting(precision, False, seeds) for precision in ("fp32", "bf16") for seeds in (1, 5)]
    stacks = ((1, None), *((5, way) for way in WAYS))
    kinds = [(precision, graphs) for graphs in (True, False) for precision in ("tf32", "fp32", "bf16")]
    found = [Setting(*kind, seeds, way) for kind in kinds for seeds, way in stacks]
    loose = [Setting(*kind, 5, None, False) for kind in kinds if kind[1]]
    return found[: len(stacks)] + loose[:1] + found[len(stacks) :] + loose[1:]


def measure_setting(device: torch.device, setting: Setting, updates: int, repeats: int = 5) -> dict[str, Any]:
    """Measure the median and range over `repeats` runs of `updates` updates."""
    on_cuda, seeds = device.type == "cuda", setting.seeds
    if on_cuda:
        torch.cuda.reset_peak_memory_stats()
    training = Training(device, setting, repeats * updates)
    rates = [seeds * BLOCK["batch"] * updates / training.seconds(updates) for _ in range(repeats)]
    return {
        "precision": setting.precision,
        "updates": training.step.mode,
        "seeds": seeds,
        "convolutions": setting.way,
        "deterministic": setting.deterministic,
        "images_per_second": statistics.median(rates),
        "least": min(rates),
        "most": max(rates),
        "peak_bytes": torch.cuda.max_memory_allocated() if on_cuda else None,
    }


def format_row(row: dict[str, Any]) -> str:
    """Return a row as text for the terminal."""
    way = f"  {row['convolutions']}" if row["convolutions"] else ""
    way += "" if row["deterministic"] else "  not deterministic"
    return (
        f"{row['precision']}  {row['seeds']} seeds  {row['images_per_second']:10,.0f} images/s  {row['updates']}{way}"
    )


def main() -> None:
    from harness.files import write_text
    from harness.run.device import name_of, pick_device

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--updates", type=int, default=30)
    parser.add_argument("--out", type=Path, help="a JSON file for the rows")
    args = parser.parse_args()
    device = pick_device()
    found = []
    for setting in settings(device):
        found.append(measure_setting(device, setting, args.updates))
        print(format_row(found[-1]), flush=True)
    if args.out:
        write_text(
            args.out,
            json.dumps({"device": name_of(device), "torch": torch.__version__, "rows": found}, indent=1) + "\n",
        )


if __name__ == "__main__":
    main()
