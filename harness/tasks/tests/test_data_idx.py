"""Sets of idx files, by the route a user has: the parameters of a task of the family `labelled`."""

from __future__ import annotations

import gzip
import hashlib
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.contracts import BenchError
from harness.tasks import data_idx, labelled

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def idx(values) -> bytes:
    values = np.asarray(values, np.uint8)
    return struct.pack(f">{1 + values.ndim}I", 2048 + values.ndim, *values.shape) + values.tobytes()


def contents(seed: int, n: int = 3, side: int = 28, labels=(7, 0, 9)) -> dict[str, bytes]:
    pixels = np.random.RandomState(seed).randint(0, 256, (2, n, side, side))
    return {
        f"{part}-{kind}": idx(values)
        for k, part in enumerate(("train", "t10k"))
        for kind, values in (("images-idx3-ubyte", pixels[k]), ("labels-idx1-ubyte", np.roll(labels, k)))
    }


def write(folder: Path, files: dict[str, bytes], zipped: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / (name + ".gz" * zipped)).write_bytes(gzip.compress(data) if zipped else data)
    return folder


def build(data: str, root: Path) -> labelled.Labelled:
    params = labelled.Params(family="labelled", data=data, root=str(root), seeds=(0,), steps=1)
    return labelled.build("task", params, root)


@pytest.fixture
def sets(monkeypatch) -> dict[str, dict[str, bytes]]:
    """Three images a part that stand for MNIST and Fashion-MNIST, known by their digests as the real ones are."""
    made = {"mnist": contents(0), "fashion_mnist": contents(1, labels=(1, 2, 3))}
    for data, files in made.items():
        digests = tuple(hashlib.sha256(content).hexdigest() for content in files.values())
        monkeypatch.setitem(data_idx.PUBLISHED, data, replace(data_idx.PUBLISHED[data], digests=digests))
    monkeypatch.setattr(data_idx, "COUNTS", {"train": 3, "t10k": 3})
    return made


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzipped"])
@pytest.mark.parametrize("below", [".", "raw", "FashionMNIST/raw"])
def test_a_published_set_in_each_layout(tmp_path, sets, below, zipped):
    from torchvision.datasets.mnist import read_image_file, read_label_file

    write(tmp_path / below, sets["fashion_mnist"], zipped)
    plain = write(tmp_path / "plain", sets["fashion_mnist"])
    task = build("fashion_mnist", tmp_path)
    for part, images, labels in (
        ("train", task.train_images, task.train_labels),
        ("t10k", task.test_images, task.test_labels),
    ):
        np.testing.assert_array_equal(images[:, 0], read_image_file(plain / f"{part}-images-idx3-ubyte").numpy())
        np.testing.assert_array_equal(labels, read_label_file(plain / f"{part}-labels-idx1-ubyte").numpy())
    assert task.pixels.classes[9] == "Ankle boot" and task.spec.n_classes == 10


@pytest.mark.parametrize(
    "wanted, given, line",
    [
        (
            "mnist",
            "fashion_mnist",
            "holds Fashion-MNIST's train-images-idx3-ubyte, not MNIST's: set data: fashion_mnist",
        ),
        ("fashion_mnist", "mnist", "holds MNIST's train-images-idx3-ubyte, not Fashion-MNIST's: set data: mnist"),
    ],
)
def test_a_published_set_is_not_taken_for_another(tmp_path, sets, wanted, given, line):
    with pytest.raises(BenchError, match=line):
        build(wanted, write(tmp_path, sets[given], zipped=True))


def test_each_file_is_looked_at(tmp_path, sets):
    mixed = sets["mnist"] | {"t10k-labels-idx1-ubyte": sets["fashion_mnist"]["t10k-labels-idx1-ubyte"]}
    with pytest.raises(BenchError, match="t10k-labels.* holds Fashion-MNIST's t10k-labels"):
        build("mnist", write(tmp_path / "mixed", mixed))
    swapped = sets["mnist"] | {IMAGES: sets["mnist"]["t10k-images-idx3-ubyte"]}
    with pytest.raises(BenchError, match="train-images.* holds MNIST's t10k-images.*each under its own name"):
        build("mnist", write(tmp_path / "swapped", swapped))


OTHER_SETS = {
    "another count": ({IMAGES: idx(np.zeros((2, 28, 28)))}, "holds 2 entries where MNIST has 3"),
    "another size": ({IMAGES: idx(np.zeros((3, 8, 8)))}, "holds images of 8 x 8 pixels where MNIST has 28 x 28"),
    "another label": ({LABELS: idx([1, 10, 2])}, "holds the label 10 where MNIST has 0 to 9"),
    "other pixels": ({IMAGES: idx(np.ones((3, 28, 28)))}, "holds other content than MNIST's train-images.*another set"),
    "other labels": ({LABELS: idx([4, 5, 6])}, "holds other content than MNIST's train-labels"),
}


@pytest.mark.parametrize("files, line", OTHER_SETS.values(), ids=OTHER_SETS.keys())
def test_what_a_stranger_differs_in_is_said(tmp_path, sets, files, line):
    with pytest.raises(BenchError, match=f"{line}.*set data: idx for a set of your own") as caught:
        build("mnist", write(tmp_path, sets["mnist"] | files))
    assert "\n" not in str(caught.value)


def test_emnist_is_known_by_its_count(tmp_path):
    letters = {IMAGES: idx(np.zeros((124_800, 1, 1))), LABELS: idx(np.ones(124_800))}
    with pytest.raises(BenchError, match="124800 entries where MNIST has 60000, as many as EMNIST Letters"):
        build("mnist", write(tmp_path, contents(0) | letters))


def test_a_set_of_ones_own_numbers_its_classes(tmp_path):
    files = contents(0, n=4, side=5, labels=(26, 1, 3, 1))
    task = build("idx", write(tmp_path, files, zipped=True))
    assert task.pixels.classes == ("1", "3", "26") and task.spec.n_classes == 3
    assert task.train_labels.tolist() == [2, 0, 1, 0] and task.test_labels.tolist() == [0, 2, 0, 1]
    assert task.train_images.shape == task.test_images.shape == (4, 1, 5, 5)
    np.testing.assert_array_equal(task.train_images.ravel(), np.frombuffer(files[IMAGES], np.uint8)[16:])
    with pytest.raises(BenchError, match="set data: idx for a set of your own"):
        build("mnist", tmp_path)


BAD_OWN_SETS = {
    "labels missing": ({LABELS: idx([7, 0])}, "holds 3 images but train-labels-idx1-ubyte 2 labels"),
    "a test label unknown": ({"t10k-labels-idx1-ubyte": idx([7, 8, 9])}, "the label 8, which no training image has"),
    "test images of another size": ({"t10k-images-idx3-ubyte": idx(np.zeros((3, 28, 27)))}, "images of 28 x 27"),
    "no image": ({IMAGES: idx(np.zeros((0, 28, 28))), LABELS: idx([])}, "train-images.* contains no pixels"),
    "values missing": ({IMAGES: contents(0)[IMAGES][:-1]}, "train-images.* is not a complete idx file of bytes"),
    "values of two bytes": ({LABELS: struct.pack(">2I3H", 0x0B01, 3, 7, 0, 9)}, "train-labels.* is not a complete idx"),
    "labels for images": ({IMAGES: idx([7, 0, 9])}, "train-images.* is not a complete idx file of bytes with 3 axes"),
    # 2^31 * 2^31 * 4 is 0 in 64 bits, which is what follows this header.
    "a product beyond 64 bits": ({IMAGES: struct.pack(">4I", 2051, 2**31, 2**31, 4)}, "is not a complete idx file"),
    "no header": ({IMAGES: b""}, "train-images.* is not a complete idx file"),
}


@pytest.mark.parametrize("files, line", BAD_OWN_SETS.values(), ids=BAD_OWN_SETS.keys())
def test_damaged_sets_of_ones_own(tmp_path, files, line):
    with pytest.raises(BenchError, match=line) as caught:
        build("idx", write(tmp_path, contents(0) | files))
    assert "\n" not in str(caught.value)


def test_missing_and_cut_files(tmp_path):
    with pytest.raises(BenchError, match=r"no train-images-idx3-ubyte\[.gz\] in .*dataset-fashion-mnist"):
        build("fashion_mnist", tmp_path)
    write(tmp_path, contents(0), zipped=True)
    images = tmp_path / f"{IMAGES}.gz"
    images.write_bytes(images.read_bytes()[:-100])
    with pytest.raises(BenchError, match="cannot read .*train-images.*download the file again"):
        build("mnist", tmp_path)


def test_files_of_two_folders_are_not_mixed(tmp_path):
    write(tmp_path / "raw", {IMAGES: contents(0)[IMAGES]})
    write(tmp_path, contents(1))
    with pytest.raises(BenchError, match=r"no train-labels-idx1-ubyte\[.gz\] in .*raw"):
        build("idx", tmp_path)
