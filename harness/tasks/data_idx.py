"""MNIST, Fashion-MNIST and your own sets from idx files; the published sets are recognised by their content."""

from __future__ import annotations

import gzip
import hashlib
import math
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.contracts import BenchError
from harness.tasks.pixels import Pixels

IMAGES, LABELS = "images-idx3-ubyte", "labels-idx1-ubyte"
FILES = {f"{part}-{kind}": axes for part in ("train", "t10k") for kind, axes in ((IMAGES, 3), (LABELS, 1))}
SIDE, N_CLASSES = 28, 10  # of every published set here
COUNTS = {"train": 60_000, "t10k": 10_000}
# EMNIST's splits look the same once renamed; the one that is as large as MNIST differs in its digest alone.
EMNIST = {
    697_932: "ByClass or ByMerge",
    116_323: "ByClass or ByMerge",
    112_800: "Balanced",
    18_800: "Balanced",
    124_800: "Letters",
    20_800: "Letters",
    240_000: "Digits",
    40_000: "Digits",
}


@dataclass(frozen=True)
class Published:
    """A set that is recognised by its content.

    title: its usual name.
    folder: torchvision's name for it.
    source: where to get it.
    digests: the SHA-256 of each of FILES in their order, over the unpacked bytes, so that compression does not matter.
    """

    title: str
    folder: str
    source: str
    classes: tuple[str, ...]
    digests: tuple[str, str, str, str]


PUBLISHED = {
    "mnist": Published(
        "MNIST",
        "MNIST",
        "torchvision.datasets.MNIST(root, download=True)",
        tuple(str(k) for k in range(N_CLASSES)),
        (
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
    "fashion_mnist": Published(
        "Fashion-MNIST",
        "FashionMNIST",
        "Debian's package dataset-fashion-mnist",
        ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        (
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    ),
}


@dataclass(frozen=True)
class IdxFile:
    """The content of an idx file.

    path: where it was read from.
    name: one of FILES.
    values: uint8 [N, H, W] or [N].
    digest: the SHA-256 of the unpacked bytes.
    """

    path: Path
    name: str
    values: np.ndarray
    digest: str


def published_set(root: str | Path, data: str) -> Pixels:
    """Return uint8 [60000, 1, 28, 28] and [10000, 1, 28, 28] of the set `data`, one of PUBLISHED, gzipped or not.

    Raises BenchError for a missing or damaged file and for any other content, which is named if it is known; nothing is
    ever downloaded.

    root: torchvision's root (the files are in <root>/<name>/raw), or the folder of the files themselves. Debian's
        package dataset-fashion-mnist installs Fashion-MNIST in /usr/share/datasets/fashion-mnist.
    """
    known = PUBLISHED[data]
    files = _files(root, known.folder, f"{known.title} (from {known.source})")
    for file, digest in zip(files, known.digests, strict=True):
        if file.digest != digest:
            raise BenchError(_describe_mismatch(file, known))
    train, train_labels, test, test_labels = (file.values for file in files)
    return Pixels(
        train[:, None], train_labels.astype(np.int64), test[:, None], test_labels.astype(np.int64), known.classes
    )


def own_set(root: str | Path) -> Pixels:
    """Return uint8 [N, 1, H, W] of both parts, from your own idx files with the names of MNIST's in the folder `root`.

    The classes are the training labels that occur, in ascending order and named by their numbers. Raises BenchError for
    a missing, damaged or empty file, and for parts or counts that do not match.
    """
    train, train_labels, test, test_labels = _files(root, "", "your idx files")
    for images, labels in ((train, train_labels), (test, test_labels)):
        if not images.values.size:
            raise BenchError(f"{images.path} contains no pixels: use a file with images")
        if len(images.values) != len(labels.values):
            raise BenchError(
                f"{images.path} holds {len(images.values)} images but {labels.path.name} {len(labels.values)} labels: "
                "download both files again"
            )
    if test.values.shape[1:] != train.values.shape[1:]:
        raise BenchError(
            f"{test.path} holds images of {_sizes(test)} pixels, but the training images have {_sizes(train)}"
        )
    classes = np.unique(train_labels.values)
    if strange := set(test_labels.values.tolist()) - set(classes.tolist()):
        raise BenchError(f"{test_labels.path} holds the label {min(strange)}, which no training image has")
    numbers = [np.searchsorted(classes, file.values).astype(np.int64) for file in (train_labels, test_labels)]
    return Pixels(
        train.values[:, None], numbers[0], test.values[:, None], numbers[1], tuple(str(label) for label in classes)
    )


def _describe_mismatch(file: IdxFile, wanted: Published) -> str:
    """Describe the content of `file`, which should have been that of `wanted`."""
    for data, other in PUBLISHED.items():
        if file.digest in other.digests:
            name = list(FILES)[other.digests.index(file.digest)]
            if other is wanted:
                return f"{file.path} holds {wanted.title}'s {name}: download the files again, each under its own name"
            return (
                f"{file.path} holds {other.title}'s {name}, not {wanted.title}'s: "
                f"set data: {data}, or set root to the folder of {wanted.title}"
            )
    n, n_wanted = len(file.values), COUNTS[file.name.split("-")[0]]
    if n != n_wanted:
        found = f"{n} entries where {wanted.title} has {n_wanted}"
        if n in EMNIST:
            found += f", as many as EMNIST {EMNIST[n]}"
    elif file.values.ndim == 3 and file.values.shape[1:] != (SIDE, SIDE):
        found = f"images of {_sizes(file)} pixels where {wanted.title} has {SIDE} x {SIDE}"
    elif file.values.ndim == 1 and file.values.max() >= N_CLASSES:
        found = f"the label {file.values.max()} where {wanted.title} has 0 to {N_CLASSES - 1}"
    else:
        found = f"other content than {wanted.title}'s {file.name} in the same shape (damaged, or another set)"
    return f"{file.path} holds {found}: get the file from {wanted.source}, or set data: idx for a set of your own"


def _sizes(images: IdxFile) -> str:
    return " x ".join(str(side) for side in images.values.shape[1:])


def _files(root: str | Path, name: str, what: str) -> list[IdxFile]:
    """Read all of FILES from the first folder that contains any of them, never from a mixture of two folders."""
    root = Path(root)
    folders = (root / name / "raw", root / "raw", root)
    choices = {folder: [_find_file(folder, stem) for stem in FILES] for folder in folders}
    folder, paths = next(((f, found) for f, found in choices.items() if any(found)), (root, [None] * len(FILES)))
    for stem, path in zip(FILES, paths, strict=True):
        if path is None:
            raise BenchError(f"no {stem}[.gz] in {folder}: set root to the folder that holds {what}")
    return [_read(path, stem, axes) for path, (stem, axes) in zip(paths, FILES.items(), strict=True)]


def _find_file(folder: Path, stem: str) -> Path | None:
    return next((path for path in (folder / stem, folder / f"{stem}.gz") if path.is_file()), None)


def _read(path: Path, name: str, n_axes: int) -> IdxFile:
    """Read an idx file of bytes: 0 0 8 axes, each length as a big-endian 32-bit word, then the values."""
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            data = file.read()
    except (OSError, EOFError, zlib.error) as error:
        raise BenchError(f"cannot read {path} ({error}): download the file again") from error
    start = 4 + 4 * n_axes
    # Python's integers: the lengths of a damaged header can have a product beyond 64 bits.
    shape = tuple(int(n) for n in np.frombuffer(data[4:start], ">u4")) if len(data) >= start else ()
    if data[:4] != bytes([0, 0, 8, n_axes]) or len(data) != start + math.prod(shape):
        raise BenchError(f"{path} is not a complete idx file of bytes with {n_axes} axes: download the file again")
    values = np.frombuffer(data, np.uint8, offset=start).reshape(shape).copy()
    return IdxFile(path, name, values, hashlib.sha256(data).hexdigest())
