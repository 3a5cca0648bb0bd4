"""Time the way from image files to the Frechet distance, compared with pytorch-fid and torch-fidelity.

    bench speed --peer torch-fidelity

5,000 images pass through Inception v3 on one thread. All sides read the same JPEG files, pass them through the same net
with the same random weights (the time does not depend on them) and compute the distance to the same prepared reference.
A run encodes `images` of them, and the time is scaled to 5,000, because the work is the same for each image. The
distance is that of 5,000 artificial features (`frechet.features`), because few images give a matrix of low rank, which
is fast. Ours decodes into its cache, which is new each time.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from harness.benchmarks import peers
from harness.benchmarks.frechet import features
from harness.benchmarks.record import Options, alternate, at_most, record, row
from harness.report.records.measured import Record

SCALED_TO, SIDE, QUALITY = 5000, 32, 90
WARM = 10  # images that are encoded before the clock starts
AIM = 0.6
PRECISIONS = ("float32", "bfloat16")


def measure(options: Options, peer: str) -> Iterator[Record]:
    found = peers.version(peer, options)
    n = options.size(100, 60)
    rounds: dict[str, list[dict[str, float]]] = {"ours": [], "theirs": []}
    with tempfile.TemporaryDirectory() as folder:
        settings = _make_inputs(Path(folder), n, WARM) | {"peer": peer}
        scripts = {"theirs": (options.python, "peer_fid.py"), "ours": (None, ("-m", __name__))}

        def run(side: str) -> float:
            rounds[side].append(peers.call(*scripts[side], settings))
            return rounds[side][-1]["features"] * SCALED_TO / n + rounds[side][-1]["distance"]

        made = [both for _, both in alternate(options, theirs=lambda _: run("theirs"), ours=lambda _: run("ours"))]
    ours, theirs = ([both[side] for both in made] for side in ("ours", "theirs"))
    parts = {
        name: [[run[name] for run in rounds[side]] for side in ("ours", "theirs")] for name in ("features", "distance")
    }
    rows = [
        row(f"{SCALED_TO:,} images to the distance", "s", ours, theirs, peer, aim=at_most(AIM)),
        row("features of one image", "s", *([v / n for v in side] for side in parts["features"]), peer),
        row("moments and matrix step", "s", *parts["distance"], peer),
    ]
    about = {
        "images": n,
        "scaled to": SCALED_TO,
        "size": f"{SIDE} pixels, JPEG",
        "net": "Inception v3 of FID, random weights",
        "resize": "to 299",
        "reference": "ready on both sides",
    }
    yield record(options, f"fid-{peer}", "Frechet distance from image files", rows, about, found)


def precision(options: Options) -> Iterator[Record]:
    """Compare our bfloat16 with our float32."""
    n, runs = options.size(100, 60), {name: [] for name in PRECISIONS}
    with tempfile.TemporaryDirectory() as folder:
        settings = _make_inputs(Path(folder), n, n)

        def run(name: str) -> float:
            runs[name].append(peers.call(None, ("-m", __name__), settings | {"precision": name}))
            return runs[name][-1]["features"] / n

        made = [
            both for _, both in alternate(options, float32=lambda _: run("float32"), bfloat16=lambda _: run("bfloat16"))
        ]
    change = runs["bfloat16"][0]["of images"] / runs["float32"][0]["of images"] - 1
    rows = [
        row(
            "features of one image, bfloat16",
            "s",
            [b["bfloat16"] for b in made],
            [b["float32"] for b in made],
            "float32",
        )
    ]
    about = {
        "images": n,
        "net": "Inception v3 of FID, random weights",
        "relative change of the distance": f"{change:.1e}",
    }
    yield record(options, "precision", "Inception's features in reduced precision", rows, about)


def _make_inputs(folder: Path, n: int, n_reference: int) -> dict[str, Any]:
    """Make n images of smooth noise and a reference of others as JPEG files, features and random weights.

    Returns the paths of all. There are 5,000 features on each side.
    """
    from PIL import Image

    rng = np.random.default_rng(0)
    for part, count in (("reference", n_reference), ("images", n)):
        (folder / part).mkdir()
        for k in range(count):
            coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
            coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(folder / part / f"{k:05}.jpg", quality=QUALITY)
    for name, shift in (("real", 0.0), ("fake", 0.1)):
        np.save(folder / f"{name}.npy", features(rng, SCALED_TO, 2048, shift))
    paths = {name: folder / name for name in ("images", "reference", "real.npy", "fake.npy")} | {
        "weights": _weights(folder)
    }
    return {name.removesuffix(".npy"): str(path) for name, path in paths.items()}


def _weights(folder: Path) -> Path:
    """Write a state dict of the net: He's initial weights, and statistics that preserve the scale of features."""
    import torch
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    class Blank(FeatureExtractorInceptionV3):
        def load_state_dict(self, *_):
            """Keep the weights that the constructor drew."""

    generator, path = torch.Generator().manual_seed(0), folder / "weights.pth"
    torch.save({}, path)
    state = Blank("random", ["2048"], feature_extractor_weights_path=str(path)).state_dict()
    for name, value in state.items():
        if name.endswith("conv.weight"):
            value.normal_(0, (2 / value[0].numel()) ** 0.5, generator=generator)
    torch.save(state, path)
    return path


def ours(settings: dict[str, Any]) -> dict[str, float]:
    """Return the seconds of features and of the distance, and the distance, by the code that scores a run."""
    import torch

    from harness.metrics import distances
    from harness.metrics.encoders import base, inception_v3_fid
    from harness.tasks.data_decode import decode_cached
    from harness.tasks.data_files import list_images

    torch.set_num_threads(settings.get("threads", 1))
    inception_v3_fid.SHA256 = base.sha256(settings["weights"])  # random weights have no known hash
    encoder = inception_v3_fid.InceptionV3Fid(settings["weights"], precision=settings.get("precision", "float32"))

    def encoded(part: str) -> np.ndarray:
        return encoder.features(
            decode_cached(list_images(settings[part]), SIDE, Path(settings["scratch"]) / part, settings[part])
        )

    def distance(real: distances.Reference, features: np.ndarray) -> float:
        fake = distances.moments(features, allow_few=True)
        return distances.frechet(real, fake.mean, fake.cov)

    few = distances.Reference(distances.moments(encoded("reference"), allow_few=True))
    real, fake = distances.Reference(distances.moments(np.load(settings["real"]))), np.load(settings["fake"])
    started = time.perf_counter()
    found = encoded("images")
    encoding, started = time.perf_counter() - started, time.perf_counter()
    value = distance(real, fake)
    return {
        "features": encoding,
        "distance": time.perf_counter() - started,
        "value": value,
        "of images": distance(few, found),
    }


if __name__ == "__main__":
    with Path(sys.argv[1]).open(encoding="utf-8") as file:
        print(json.dumps(ours(json.load(file))))
