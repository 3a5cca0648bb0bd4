"""Train the released CIFAR setting (`presets/cifar_cpu.yaml`, VGAN-GP) on random images, for `stack` and `vdb_images`.

The time of a step does not depend on the images, and no data set is read.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

PRESET, TASK, METHOD = "cifar_cpu", "cifar10", "vgan_gp"
IMAGES, SIDE = 512, 32


def train(root: Path, seeds: tuple[int, ...], updates: int, threads: int = 1) -> float:
    """Return the seconds of `updates` updates of a stack of seeds, after one that is not counted."""
    import torch

    from harness import registry
    from harness.run.like import without_title
    from harness.run.seeds import CounterDraws
    from harness.tasks.pixels import Pixels
    from harness.workspace.presets import compose_preset

    torch.set_num_threads(threads)
    written, device = compose_preset(root, PRESET), torch.device("cpu")
    block, family = without_title(written["methods"][TASK][METHOD]), registry.family("images")
    params = family.Params(
        **without_title(written["tasks"][TASK]) | {"seeds": list(seeds), "block": len(seeds), "steps": updates + 1}
    )
    images = np.random.default_rng(0).integers(0, 256, (IMAGES, 3, SIDE, SIDE), dtype=np.uint8)
    task = family.Images(TASK, params, Pixels(images, None, images[:2], None, ()))
    algorithm = registry.algorithm(block["algorithm"])
    draws = CounterDraws(
        seeds, "benchmark", device, lookahead=1
    )  # no update, least of all the first, draws what later ones use
    method, source = algorithm.build(algorithm.Params(**block), task.spec, draws, device), task.source(device)
    started = 0.0
    for draws.step in range(updates + 1):
        if draws.step == 1:
            started = time.perf_counter()
        method.update(source, draws)
    return time.perf_counter() - started
