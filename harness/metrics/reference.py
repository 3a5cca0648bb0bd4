"""The real side of an image task, computed once per process and shared by all scores."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.contracts import BenchError
from harness.files import aside
from harness.metrics import distances, neighbours
from harness.metrics.encoders.base import Encoder
from harness.tasks.pixels import PixelTask

PAIRED = 10_000  # samples a side of kernel and neighbour metrics, whose cost grows with N^2
NEIGHBOURS = 3


class RealSide:
    """Features of the reference images, and what is derived from them alone.

    features: [N, F] float32.
    others: the features of the part of the data that is not the reference.
    """

    def __init__(self, task: PixelTask, encoder: Encoder, allow_few: bool = False, scratch: Path | None = None):
        self.task, self.encoder, self.n_fake = task, encoder, n_fake(task, encoder)
        self.allow_few, self.scratch = allow_few, scratch
        distances.require_enough(self.n_fake, encoder.dim, allow_few)
        self.features = self._features(encoder.reals(task))
        if "precision_recall" in task.metrics:
            neighbours.require_enough(len(self.paired), NEIGHBOURS)

    @cached_property
    def gaussian(self) -> distances.Reference:
        return distances.Reference(distances.moments(self.features, self.allow_few))

    @cached_property
    def paired(self) -> np.ndarray:
        """At most PAIRED and n_fake rows of the features, chosen at random once and for all."""
        rows = np.random.RandomState(0).permutation(len(self.features))
        return self.features[rows[: min(PAIRED, self.n_fake)]]

    @cached_property
    def kernel_mean(self) -> float:
        return distances.kernel_mean(self.paired)

    @cached_property
    def radii(self) -> np.ndarray:
        return neighbours.radii(self.paired.astype(np.float64), NEIGHBOURS)

    @cached_property
    def others(self) -> np.ndarray:
        """As many features of the other part as there are fakes, or all of them if there are fewer."""
        images = self.task.test_images if self.encoder.split == "train" else self.task.train_images
        rows = np.random.RandomState(0).permutation(len(images))[: self.n_fake]
        return self._features(self.encoder.cast(images[np.sort(rows)]))

    @cached_property
    def floor_feature(self) -> np.ndarray:
        """The features [F] of a collapsed generator."""
        return self.encoder.features(self.encoder.cast(self.task.floor_image()))[0]

    @cached_property
    def floor(self) -> float:
        """The Frechet distance of a collapsed generator."""
        return distances.frechet_to_point(self.gaussian, self.floor_feature)

    @cached_property
    def references(self) -> dict[str, float]:
        """The Frechet distance between real images, which is what a perfect generator would score."""
        if len(self.others) <= self.encoder.dim and not self.allow_few:
            return {}
        others = distances.moments(self.others, self.allow_few)
        return {f"train-test floor, N = {others.n}": distances.frechet(self.gaussian, others.mean, others.cov)}

    def _features(self, images: np.ndarray) -> np.ndarray:
        """Return features, stored in the scratch folder under a hash of the pixels and of all that affects them."""
        if self.scratch is None:
            return self.encoder.features(images)
        settings = self.encoder.manifest() | {"batch": self.encoder.batch, "device": self.encoder.device.type}
        settings |= {"torch": torch.__version__, "cpu": self.encoder.instructions, "shape": images.shape}
        key = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
        key.update(np.ascontiguousarray(images))
        path = self.scratch / "features" / f"{key.hexdigest()[:16]}.npy"
        if path.exists():
            try:
                return np.load(path)
            except (OSError, ValueError, EOFError):
                raise BenchError(f"{path} is damaged: delete it, and it will be computed again") from None
        found = self.encoder.features(images)
        with aside(path) as file:
            np.save(file, found)
        return found

    def manifest(self) -> dict[str, Any]:
        """Return what a score against this reference measures."""
        few = {"few_samples": "allowed"} if self.allow_few else {}
        return (
            self.encoder.manifest()
            | few
            | {
                "n_real": len(self.features),
                "n_fake": self.n_fake,
                "dtype": "float64",
                "data": self.task.data_hash,
            }
        )


def n_fake(task: PixelTask, encoder: Encoder) -> int:
    """Return how many images each seed generates: as the protocol or the task says, or one per test image."""
    return encoder.n_fake or task.params.score.n_fake or len(task.test_images)


@lru_cache(maxsize=2)
def real_side(task: PixelTask, encoder: Encoder, allow_few: bool = False, scratch: Path | None = None) -> RealSide:
    """Return the real side. Raises BenchError if there are too few samples for the encoder, before any training."""
    return RealSide(task, encoder, allow_few, scratch)
