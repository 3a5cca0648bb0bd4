"""Run pytorch-fid or torch-fidelity once on a folder of images, in the peer's own environment.

    python harness/benchmarks/peer_fid.py SETTINGS.json

It is called by `harness.benchmarks.fid`, which writes the settings, and needs nothing of this project. It prints one
line of JSON: the seconds from the files to the features, the seconds of moments and distance, and the distance. The
net, a first pass and the reference are made before the clock starts.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch


def pytorch_fid(settings: dict) -> dict[str, float]:
    """Run with batches of 50, its default; images are read in this process, because the run has one thread."""
    from pytorch_fid import fid_score, inception

    state = torch.load(settings["weights"], weights_only=True)
    inception.load_state_dict_from_url = lambda *_, **__: state  # the layers have the same names
    net = inception.InceptionV3([inception.InceptionV3.BLOCK_INDEX_BY_DIM[2048]])

    def features(folder: str) -> np.ndarray:
        return fid_score.get_activations(sorted(Path(folder).glob("*.jpg")), net, num_workers=0)

    def moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return x.mean(axis=0), np.cov(x, rowvar=False)

    features(settings["reference"])
    real, fake = (
        moments(np.load(settings["real"]).astype(float)),
        np.load(settings["fake"]).astype(float),
    )  # as its features are
    started = time.perf_counter()
    features(settings["images"])
    encoding, started = time.perf_counter() - started, time.perf_counter()
    value = fid_score.calculate_frechet_distance(*moments(fake), *real)
    return {"features": encoding, "distance": time.perf_counter() - started, "value": float(value)}


def torch_fidelity(settings: dict) -> dict[str, float]:
    """Run with batches of 64, its default."""
    from torch_fidelity import metric_fid, utils

    words = {
        "cuda": False,
        "verbose": False,
        "cache": False,
        "save_cpu_ram": True,
        "batch_size": 64,
        "fid": True,
        "feature_extractor_weights_path": settings["weights"],
        "input1": settings["images"],
        "input2": settings["reference"],
    }
    net = utils.create_feature_extractor("inception-v3-compat", ["2048"], **words)

    def features(number: int) -> dict:
        return utils.extract_featuresdict_from_input_id_cached(number, net, **words)

    moments = metric_fid.fid_features_to_statistics
    few = moments(features(2)["2048"])
    real, fake = (torch.from_numpy(np.load(settings[part])) for part in ("real", "fake"))
    real = moments(real)
    started = time.perf_counter()
    found = features(1)
    encoding, started = time.perf_counter() - started, time.perf_counter()
    value = metric_fid.fid_statistics_to_metric(moments(fake), real, False)
    seconds = {"features": encoding, "distance": time.perf_counter() - started}
    of_images = metric_fid.fid_statistics_to_metric(moments(found["2048"]), few, False)
    return seconds | {"value": value[metric_fid.KEY_METRIC_FID], "of images": of_images[metric_fid.KEY_METRIC_FID]}


def main() -> None:
    with Path(sys.argv[1]).open(encoding="utf-8") as file:
        settings = json.load(file)
    torch.set_num_threads(settings.get("threads", 1))
    with contextlib.redirect_stdout(sys.stderr):
        found = (pytorch_fid if settings["peer"] == "pytorch-fid" else torch_fidelity)(settings)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
