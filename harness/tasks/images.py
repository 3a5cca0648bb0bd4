"""Image generation

All adversarial methods are trained on the same images, latents and seeds, and scored on as many generated images as the
test set has.

The sets are the built-in digits, CIFAR-10, or any folder or zip of images.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from harness.contracts import Draws, ImageOutputs, Settings
from harness.run.params import TaskParams
from harness.tasks.batches import epoch_indices
from harness.tasks.pixels import Pixels, PixelTask, augment

metrics = ("frechet", "halves", "kid", "precision_recall", "coverage", "memorisation")
writes = ("panels", "sheet")

PROBED = 8  # images
STOOD_IN = 512


class Scoring(Settings):
    """How samples are scored, which has no effect on training.

    encoder_weights: a file, if the encoder's own weights cannot be downloaded.
    encoder_precision: bfloat16 is for inception-v3-fid and vdb-legacy. It is a metric of its own, because features
        differ by half a per cent.
    n_fake: the number of generated images; null uses as many as the test set has.
    halves: whether every checkpoint is also compared with two halves of the test images, by which the page chooses the
        best one and scores it.
    """

    encoder: Literal["digits-cnn", "efficientnet-lite0", "inception-v3-fid", "vdb-legacy"]
    encoder_weights: str | None = None
    encoder_precision: Literal["float32", "bfloat16"] = "float32"
    n_fake: int | None = Field(None, ge=2)
    halves: bool = False


class Params(TaskParams):
    """The parameters of the task.

    root: the folder of CIFAR-10, or a folder or zip of images.
    size: the width and height in pixels, for a folder or zip.
    train, test: their folders inside root, "." for all images.
    hold_out: how many test images to hold out from the training part if there is no test part.
    """

    family: Literal["images"]
    data: Literal["digits", "cifar10", "folder"]
    root: str | None = None
    size: int | None = None
    train: str = "train"
    test: str = "test"
    hold_out: int = Field(0, ge=0)
    flip: bool = False
    dequantise: float = Field(0.0, ge=0)
    score: Scoring

    @property
    def encoder(self) -> str:
        return self.score.encoder

    def located(self, root: Path) -> Params:
        if self.score.encoder_weights is None:
            return self
        score = self.score.model_copy(update={"encoder_weights": str(root / self.score.encoder_weights)})
        return self.model_copy(update={"score": score})

    @model_validator(mode="after")
    def _check_root(self) -> Params:
        if self.data != "digits" and self.root is None:
            raise ValueError(f"data {self.data} requires root, the folder or zip that holds it")
        if self.data == "folder" and self.size is None:
            raise ValueError("data folder requires size, in pixels")
        return self


class Images(PixelTask):
    family = "images"
    metrics, writes, outputs = metrics, writes, ImageOutputs

    def for_tuning(self, n_validation: int) -> Images:
        """Return the task without its test set: the last training images are held out instead."""
        p, cut = self.pixels, len(self.train_images) - n_validation
        labels = (None, None) if p.train_labels is None else (p.train_labels[:cut], p.train_labels[cut:])
        inner = Pixels(p.train_images[:cut], labels[0], p.train_images[cut:], labels[1], p.classes)
        return Images(self.name, self.params, inner)

    def source(self, device: torch.device) -> ImageSource:
        return ImageSource(self, device)

    def probe(self, outputs: ImageOutputs, draws: Draws) -> Tensor:
        """Return a few images."""
        return outputs.images(draws, 0, PROBED)


class ImageSource:
    """The training images as uint8 on the device; flips and dequantisation apply to training only."""

    def __init__(self, task: Images, device: torch.device):
        self.images = torch.as_tensor(task.train_images).to(device)
        self.params = task.params

    def batch(self, draws: Draws, size: int, name: str = "batch") -> dict[str, Tensor]:
        """Return x [S, size, C, H, W] float32 in [-1, 1]."""
        indices = epoch_indices(draws, len(self.images), size, name)
        return {"x": augment(self.images[indices], draws, name, self.params.flip, self.params.dequantise)}


def build(name: str, params: Params, scratch: Path) -> Images:
    return Images(name, params, load(params, scratch))


def stand_in(name: str, params: Params) -> Images:
    """Return the task with noise of the same shape instead of its images, to try nets where data are missing."""
    channels, size = (1, 8) if params.data == "digits" else (3, params.size or 32)
    noise = np.random.RandomState(0).randint(0, 256, (STOOD_IN, channels, size, size), np.uint8)
    return Images(name, params, Pixels(noise[PROBED:], None, noise[:PROBED], None))


def load(params: Params, scratch: Path) -> Pixels:
    if params.data == "digits":
        from harness.tasks.data_digits import digits

        return digits()
    if params.data == "cifar10":
        from harness.tasks.data_cifar import cifar10

        return cifar10(params.root)
    from harness.tasks.data_folder import image_folder

    return image_folder(params.root, params.size, params.train, params.hold_out or params.test, scratch)
