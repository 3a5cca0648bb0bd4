"""Read any folder or zip of images as an image set: <train>/<class>/x.jpg, or images without classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from harness.contracts import BenchError
from harness.tasks.data_decode import decode_cached
from harness.tasks.data_files import ImageFile, list_images, normalise_name
from harness.tasks.pixels import Pixels, hold_out

SIZES = (16, 32, 64, 128, 256, 512, 1024)

Filed = tuple[ImageFile, str]  # an image and its class folder, "" for none


def image_folder(
    path: str | Path, size: int, train: str = "train", test: str | int = "test", scratch: str | Path = ".scratch/data"
) -> Pixels:
    """Return uint8 [N, 3, size, size] of both parts, with labels by the sorted class folders or None without any.

    Raises BenchError for anything that is missing, damaged or not an image, and if all test images are training images.

    path: a folder or a zip.
    size: one of SIZES, in pixels.
    train: the folder inside `path` to train on, "." for all images.
    test: the folder of the test images, or how many to hold out from the training folder (see `hold_out`).
    """
    if size not in SIZES:
        raise BenchError(f"size: {size} is not one of {', '.join(map(str, SIZES))} pixels")
    files = list_images(path)
    to_train = _below(files, train, path)
    classes = _classes(to_train, path)
    if isinstance(test, int):
        to_train, to_test = ([to_train[i] for i in part] for part in hold_out(len(to_train), test))
    else:
        to_test = _below(files, test, path)
        if shared := {file.name for file, _ in to_train} & {file.name for file, _ in to_test}:
            raise BenchError(f"{min(shared)} in {path} is both a training and a test image: separate train and test")
        if {(file.size, file.crc) for file, _ in to_test} <= {(file.size, file.crc) for file, _ in to_train}:
            raise BenchError(f"every image in {test} of {path} is also a training image: test on other images")
    parts = []
    for part in (to_train, to_test):
        labels = _labels(part, classes, path)
        parts += [decode_cached([file for file, _ in part], size, scratch, str(path)), labels]
    return Pixels(*parts, classes)


def _below(files: list[ImageFile], folder: str, path: str | Path) -> list[Filed]:
    prefix = f"{normalise_name(folder.encode(errors='replace'), path)}/".removeprefix("/")  # nothing for "."
    # The first folder below the prefix is the class: "cat/1.jpg" -> "cat", "1.jpg" -> "".
    found = [(f, "".join(f.name[len(prefix) :].split("/")[:-1][:1])) for f in files if f.name.startswith(prefix)]
    if not found:
        tops = sorted({file.name.split("/")[0] for file in files})
        shown = ", ".join(tops[:3]) + (", ..." if len(tops) > 3 else "")
        raise BenchError(
            f"no image in {folder}/ of {path}, which holds {shown}: "
            "set train and test to its folders ('.' for all images, a number for test to hold out)"
        )
    return found


def _classes(part: list[Filed], path: str | Path) -> tuple[str, ...]:
    names = {name for _, name in part}
    if len(names) > 1 and "" in names:
        stray = next(file.name for file, name in part if name == "")
        raise BenchError(f"{stray} in {path} lies next to class folders: move it into one of them")
    return tuple(sorted(names - {""}))


def _labels(part: list[Filed], classes: tuple[str, ...], path: str | Path) -> np.ndarray | None:
    """Return labels int64 [N], or None without classes."""
    if not classes:
        return None
    number = {name: k for k, name in enumerate(classes)}
    for file, name in part:
        if name not in number:
            raise BenchError(
                f"{file.name} in {path} is in a class folder that the training images do not have: move or remove it"
            )
    return np.array([number[name] for _, name in part], np.int64)
