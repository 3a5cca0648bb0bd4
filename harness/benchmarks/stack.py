"""Time five stacked seeds, compared with one seed and with five runs of one seed each, one after another.

    bench speed stack

Nets have 64 units (two Gaussians), 256 units (supervised bottleneck) or are the residual nets of CIFAR. A pair trains
seeds 0 to 4 alone and then as a stack, each from scratch, on one thread; the first update is not counted. Images are
also trained with two cores: one seed on two threads, and five seeds as two blocks at once on one thread each.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.benchmarks import cells, residual
from harness.benchmarks.record import Options, alternate, at_most, at_once, record, row
from harness.report.records.measured import Record

SEEDS = (0, 1, 2, 3, 4)
CELLS = {"64 units": ("two_gaussians", "no_bottleneck"), "256 units": ("vib_digits", "deterministic")}
AIMS = {"64 units": 2.0, "256 units": 3.5, "images": 4.5}


def measure(options: Options) -> Iterator[Record]:
    plans = {
        **{name: (cells.trained(options.root, *cell), options.size(400, 50)) for name, cell in CELLS.items()},
        "images": (lambda seeds, updates: residual.train(options.root, seeds, updates), options.size(2, 1)),
    }
    rows = []
    for name, (train, updates) in plans.items():
        print(f" {name}")
        alone: dict[int, list[float]] = {}

        def singles(k: int, train=train, updates=updates, alone=alone) -> float:
            alone[k] = [train((seed,), updates) for seed in SEEDS]
            return sum(alone[k])

        made = [both for _, both in alternate(options, theirs=singles, ours=lambda _, t=train, u=updates: t(SEEDS, u))]
        ours = [both["ours"] for both in made]
        one = [sum(alone[k]) / len(SEEDS) for k in range(options.count)]
        rows.append(row(f"{name}: five seeds", "s", ours, one, "one seed (mean of five)", aim=at_most(AIMS[name])))
        rows.append(
            row(
                f"{name}: five seeds, as five runs",
                "s",
                ours,
                [both["theirs"] for both in made],
                "five runs",
                aim=at_most(1.0),
            )
        )
    updates = plans["images"][1]
    print(" images, two cores")
    made = [
        both
        for _, both in alternate(
            options,
            theirs=lambda _: residual.train(options.root, (0,), updates, threads=2),
            ours=lambda _: max(at_once(residual.train, [(options.root, SEEDS[k::2], updates) for k in range(2)])),
        )
    ]
    times = [[both[side] for both in made] for side in ("ours", "theirs")]
    rows.append(row("images: five seeds, two cores", "s", *times, "one seed, two cores", aim=at_most(AIMS["images"])))
    settings = {
        "updates": {name: updates for name, (_, updates) in plans.items()},
        "cells": {n: "/".join(c) for n, c in CELLS.items()},
    }
    settings["cells"]["images"] = f"presets/{residual.PRESET}.yaml: {residual.METHOD}"
    yield record(options, "stack", "Five stacked seeds", rows, settings)
