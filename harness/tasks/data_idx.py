"""MNIST and Fashion-MNIST from the idx files that torchvision and Debian's packages use."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np

from harness.contracts import BenchError
from harness.tasks.pixels import Pixels

FASHION_CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)


def mnist(root: str | Path) -> Pixels:
    """uint8 [60000, 1, 28, 28] and [10000, 1, 28, 28]; `root` as in `_idx_set`."""
    return _idx_set(root, "MNIST", tuple(str(k) for k in range(10)), "torchvision.datasets.MNIST(root, download=True)")


def fashion_mnist(root: str | Path) -> Pixels:
    """As `mnist`. Debian's package dataset-fashion-mnist puts it in /usr/share/datasets/fashion-mnist."""
    return _idx_set(root, "FashionMNIST", FASHION_CLASSES, "Debian's package dataset-fashion-mnist")


def _idx_set(root: str | Path, name: str, classes: tuple[str, ...], where: str) -> Pixels:
    """Read the four files of one set, gzipped or not.

    root: torchvision's root (files in <root>/<name>/raw), or the folder of the files themselves.
    Raises BenchError if a file is missing or damaged; nothing is ever downloaded.
    """
    folders = [Path(root) / name / "raw", Path(root) / "raw", Path(root)]
    parts = []
    for part in ("train", "t10k"):
        images = _read(_find(folders, f"{part}-images-idx3-ubyte", name, where), 3)
        labels = _read(_find(folders, f"{part}-labels-idx1-ubyte", name, where), 1)
        if len(images) != len(labels):
            raise BenchError(f"{root}: {len(images)} {part} images but {len(labels)} labels: get them again")
        parts += [images[:, None], labels.astype(np.int64)]
    return Pixels(*parts, classes)


def _find(folders: list[Path], stem: str, name: str, where: str) -> Path:
    for folder in folders:
        for path in (folder / stem, folder / f"{stem}.gz"):
            if path.is_file():
                return path
    raise BenchError(f"no {stem}[.gz] in {folders[-1]}: give as root the folder that holds {name} (from {where})")


def _read(path: Path, n_axes: int) -> np.ndarray:
    """An idx file of bytes: 0 0 8 axes, each length as a big-endian 32-bit word, then the values."""
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            data = file.read()
    except (OSError, EOFError, zlib.error) as error:
        raise BenchError(f"cannot read {path} ({error}): get the file again") from error
    start = 4 + 4 * n_axes
    shape = tuple(np.frombuffer(data[4:start], ">u4").astype(int)) if len(data) >= start else ()
    if data[:4] != bytes([0, 0, 8, n_axes]) or len(data) != start + np.prod(shape, dtype=int):
        raise BenchError(f"{path} is no complete idx file of {n_axes} axes: get the file again")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape).copy()
