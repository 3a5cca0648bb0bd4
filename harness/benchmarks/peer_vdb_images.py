"""Run the released VDB image code once from a checkout, and time its updates after one that is not counted.

    python harness/benchmarks/peer_vdb_images.py SETTINGS.json

It is called by `harness.benchmarks.vdb_images`, which writes the settings. The loop is that of the released train.py
without data loading, logs and checkpoints; nets, optimisers, both steps and the moving average are the released code.
It needs torch and PyYAML.
"""

from __future__ import annotations

import contextlib
import copy
import json
import sys
import time
from pathlib import Path

import torch
import yaml


def main() -> None:
    with Path(sys.argv[1]).open(encoding="utf-8") as file:
        settings = json.load(file)
    torch.set_num_threads(1)
    torch.manual_seed(settings["seed"])
    code = Path(settings["checkout"])
    sys.path.insert(0, str(code))
    with contextlib.redirect_stdout(sys.stderr):
        seconds = run(yaml.safe_load((code / settings["config"]).read_text(encoding="utf-8")), settings["updates"])
    print(json.dumps({"seconds": seconds}))


def run(config: dict, updates: int) -> float:
    from gan_training.config import build_models, build_optimizers
    from gan_training.train import Trainer, update_average

    words, size = config["training"], config["data"]["img_size"]
    generator, discriminator = build_models(config)
    g_optimizer, d_optimizer = build_optimizers(generator, discriminator, config)
    averaged = copy.deepcopy(generator)
    trainer = Trainer(
        generator,
        discriminator,
        g_optimizer,
        d_optimizer,
        gan_type=words["gan_type"],
        reg_type=words["reg_type"],
        reg_param=words["reg_param"],
        adaptive_beta=words["adaptive_beta"],
        **words["kwargs"],
    )
    batch, labels = words["batch_size"], torch.zeros(words["batch_size"], dtype=torch.long)
    started = 0.0
    for update in range(updates + 1):
        if update == 1:
            started = time.perf_counter()
        z = [torch.randn(batch, config["z_dist"]["dim"]) for _ in range(2)]
        trainer.discriminator_trainstep(torch.rand(batch, 3, size, size) * 2 - 1, labels, z[0])
        trainer.generator_trainstep(labels, z[1])
        update_average(averaged, generator, beta=words["model_average_beta"])
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
