"""CIFAR-10 in torchvision's layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from harness.contracts import BenchError
from harness.tasks.pixels import Pixels


def cifar10(root: str | Path) -> Pixels:
    """Return CIFAR-10, uint8 [50000, 3, 32, 32] and [10000, 3, 32, 32]; `root` contains cifar-10-batches-py/.

    torchvision checks the digests of the files. Raises BenchError if they are missing or damaged; nothing is ever
    downloaded.
    """
    from torchvision.datasets import CIFAR10

    try:
        train, test = (CIFAR10(root, train=part, download=False) for part in (True, False))
    except RuntimeError as error:
        raise BenchError(
            f"no complete cifar-10-batches-py/ in {root}: set root to the folder that holds it "
            "(torchvision.datasets.CIFAR10(root, download=True) makes it)"
        ) from error
    parts = [f(s) for s in (train, test) for f in (_images, lambda s: np.array(s.targets, np.int64))]
    return Pixels(*parts, tuple(train.classes))


def _images(dataset) -> np.ndarray:
    """Convert torchvision's [N, H, W, C] to [N, C, H, W]."""
    return np.ascontiguousarray(dataset.data.transpose(0, 3, 1, 2))
