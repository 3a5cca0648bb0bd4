"""Image sets as uint8 arrays, and their augmentation in training."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.contracts import BenchError, Draws, Task, TaskSpec
from harness.run.params import TaskParams

LEVELS = 255.0


@dataclass(frozen=True)
class Pixels:
    """An image set with its held-out part.

    train_images, test_images: uint8 [N, C, H, W] as stored, without flips or noise.
    train_labels, test_labels: int64 [N], or None if the images have no classes.
    classes: the names of the classes, in the order of the labels.
    """

    train_images: np.ndarray
    train_labels: np.ndarray | None
    test_images: np.ndarray
    test_labels: np.ndarray | None
    classes: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape (C, H, W) of an image."""
        return tuple(self.train_images.shape[1:])

    @cached_property
    def data_hash(self) -> str:
        """The first 16 hex digits of the SHA-256 over shapes, pixels and labels of both parts."""
        digest = hashlib.sha256()
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            if array is None:
                digest.update(b"none;")
            else:
                digest.update(f"{array.dtype.name}{array.shape};".encode())
                digest.update(np.ascontiguousarray(array))
        return digest.hexdigest()[:16]


class PixelTask(Task):
    """A task over one image set: its two parts, their hash, and what methods know about them.

    train_images, test_images: uint8 [N, C, H, W].
    train_labels, test_labels: int64 [N], or None without classes.
    """

    def __init__(self, name: str, params: TaskParams, pixels: Pixels):
        self.name, self.params, self.pixels = name, params, pixels
        self.train_images, self.train_labels = pixels.train_images, pixels.train_labels
        self.test_images, self.test_labels = pixels.test_images, pixels.test_labels
        self.data_hash = pixels.data_hash
        self.spec = TaskSpec(self.family, pixels.shape, params.steps, len(pixels.classes), len(pixels.train_images))

    def facts(self) -> dict[str, Any]:
        return {"n_train": len(self.train_images), "n_test": len(self.test_images), "n_classes": self.spec.n_classes}

    def floor_image(self) -> np.ndarray:
        """Return the image of a collapsed generator, a uniform grey, as uint8 [1, C, H, W]."""
        return np.full_like(self.test_images[:1], 128)


def hold_out(n: int, n_test: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of `n` samples to train and to test on: the last `n_test` of a fixed permutation are the test
    set.

    The permutation is that of numpy's frozen `RandomState(0)`, which is the same in every version of numpy. Raises
    BenchError if nothing would be left to train on.
    """
    if not 0 <= n_test < n:
        raise BenchError(f"test: cannot hold out {n_test} of {n} images: use 0 to {n - 1}")
    train, test = np.split(np.random.RandomState(0).permutation(n), [n - n_test])
    return train, test


def augment(x: Tensor, draws: Draws, name: str, flip: bool = False, dequantise: float = 0.0) -> Tensor:
    """Convert pixels x [S, B, C, H, W] uint8 to float32 in [-1, 1], for training only.

    name: distinguishes the draws of one step, which come from the stream "data".
    flip: mirrors left to right, each image with probability 1/2.
    dequantise: adds U(0, 1) * dequantise on the scale [-1, 1]; the released image code uses 1/128.
    """
    if flip:
        mirrored = draws.uniform("data", f"{name}/flip", x.shape[1:2]) < 0.5
        x = torch.where(mirrored[:, :, None, None, None], x.flip(-1), x)
    x = x.float() / (LEVELS / 2) - 1.0
    if dequantise:
        x = x + dequantise * draws.uniform("data", f"{name}/dequantise", x.shape[1:])
    return x
