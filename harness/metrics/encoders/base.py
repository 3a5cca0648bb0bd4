"""The interface of all encoders: images in, features out, and a manifest of what exactly was done."""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from harness.contracts import BenchError
from harness.metrics.encoders import child_process


class Encoder:
    """Compute features of images with a frozen net.

    name: the encoder's name, which is part of every metric's name.
    dim: the number F of features.
    batch: the number of images in every forward pass. The last batch is filled up, so that a feature never depends on
        how the caller splits the images.
    pixels: "uint8", or "float32" for a protocol that scores images in [-1, 1] before they are rounded.
    split: the part of the data that serves as the real side.
    n_fake: the number of generated images, if the protocol fixes it.
    heavy: whether this encoder dominates the time of scoring. A heavy encoder runs on a GPU if there is one, and
        otherwise with every instruction of the CPU (see `child_process`). Its class defines `build` and accepts a
        precision for the net's weights and layers.
    """

    name: str
    label: str
    dim: int
    resize: str = "none"
    batch: int = 50
    pixels: str = "uint8"
    split: str = "test"
    n_fake: int | None = None
    n_classes: int = 0
    heavy: bool = False
    precisions: tuple[str, ...] = ("float32",)

    def __init__(
        self, weights: str, device: torch.device | str = "cpu", precision: str = "float32", path: Path | None = None
    ):
        """Initialise the encoder.

        weights: the SHA-256 of the weights.
        path: the file of the weights, for `build`.
        """
        self.weights, self.device, self.precision, self.path = weights, torch.device(device), precision, path
        self.dtype: torch.dtype = getattr(torch, precision)

    def build(self, path: Path) -> nn.Module:
        """Return the net of a heavy encoder from its verified file."""
        raise NotImplementedError

    @cached_property
    def net(self) -> nn.Module:
        return self.build(self.path).to(self.device, self.dtype)

    @cached_property
    def child(self) -> child_process.Child | None:
        """The child process that encodes in place of this process if this one is limited, else None."""
        here = not self.heavy or self.device.type != "cpu" or not child_process.is_limited()
        return None if here else child_process.Child(self.name, str(self.path), self.precision, torch.get_num_threads())

    @property
    def instructions(self) -> str:
        """The instruction set that rounds the features on a CPU: that of this process, or "all" of the processor's."""
        return "all" if self.child else torch.backends.cpu.get_cpu_capability()

    def forward(self, x: Tensor) -> Tensor:
        """Return features [B, F] of x [B, C, H, W], images of type `pixels` on the device."""
        raise NotImplementedError

    def classes(self, features: np.ndarray) -> np.ndarray:
        """Return the classes int64 [N] predicted from features [N, F], if n_classes > 0."""
        raise NotImplementedError

    @staticmethod
    def make(weights: Path, task: Any) -> None:
        """Write the file of weights, trained on the task's training images, for an encoder that is trained here."""

    def reals(self, task: Any) -> np.ndarray:
        """Return the task's real side [N, C, H, W] in the type `pixels`."""
        return self.cast(getattr(task, f"{self.split}_images"))

    def cast(self, images: np.ndarray) -> np.ndarray:
        """Return uint8 images in the type `pixels`."""
        return images if self.pixels == "uint8" else images.astype(np.float32) / 127.5 - 1

    def manifest(self) -> dict[str, Any]:
        exact = {} if self.precision == "float32" else {"precision": self.precision}
        return {
            "encoder": self.name,
            "weights": self.weights,
            "resize": self.resize,
            "range": self.pixels,
            "split": self.split,
        } | exact

    @torch.inference_mode()
    def features(self, images: np.ndarray) -> np.ndarray:
        """Return float32 features [N, F] of images [N, C, H, W] in the type `pixels`.

        Raises BenchError for images of another type.
        """
        if images.dtype != self.pixels:
            raise BenchError(f"encoder {self.name} requires {self.pixels} images, got {images.dtype}")
        if self.child:
            return self.child.features(images)
        found = np.empty((len(images), self.dim), np.float32)
        # TF32 would round the inputs of convolutions to 10 bits on a GPU.
        with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
            for first in range(0, len(images), self.batch):
                part = torch.from_numpy(np.ascontiguousarray(images[first : first + self.batch]))
                whole = part.new_zeros((self.batch, *part.shape[1:]))
                whole[: len(part)] = part
                found[first : first + len(part)] = (
                    self.forward(whole.to(self.device))[: len(part)].float().cpu().numpy()
                )
        return found


def three_channels(x: Tensor) -> Tensor:
    """Return [B, 3, H, W] from [B, C, H, W]; a grey image is repeated three times."""
    return x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file. Raises BenchError if the file cannot be read."""
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BenchError(
            f"cannot read the encoder's weights {path} ({error.strerror}): set encoder_weights to a readable file"
        ) from error


def verify_sha256(path: str | Path, name: str, expected: str) -> str:
    """Return the SHA-256 of a file. Raises BenchError if it is not the expected one."""
    found = sha256(path)
    if found != expected:
        raise BenchError(
            f"{path} does not hold the weights of {name} (sha256 {found[:16]}..., expected {expected[:16]}...):"
            " download the file again"
        )
    return found


def state_dict(path: str | Path) -> dict[str, Tensor]:
    """Load a torch file of tensors. Raises BenchError if it contains anything else."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # zip, pickle and version errors alike
        raise BenchError(
            f"{path} is not a state dict of tensors ({type(error).__name__}): set encoder_weights to another file"
        ) from error
