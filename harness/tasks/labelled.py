"""Supervised classification

Classification through the variational information bottleneck, compared with a deterministic net of the same size.

The sets are digits, MNIST, Fashion-MNIST, or your own idx files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from harness.contracts import Draws, LabelledOutputs, Settings
from harness.run.params import TaskParams
from harness.tasks.batches import epoch_indices
from harness.tasks.pixels import Pixels, PixelTask, augment

metrics = ("classification",)
writes = ()

PROBED, CODES = 8, 2  # images, and codes of each


class Scoring(Settings):
    """How a classifier is scored.

    codes: the number of code samples over which the softmax is averaged, in addition to a single one.
    """

    codes: int = Field(12, ge=2)


class Params(TaskParams):
    """The parameters of the task.

    data: mnist and fashion_mnist are verified to be exactly these sets; idx accepts any files in their format.
    root: the folder of the idx files, e.g. that of Debian's dataset-fashion-mnist.
    """

    family: Literal["labelled"]
    data: Literal["digits", "mnist", "fashion_mnist", "idx"]
    root: str | None = None
    score: Scoring = Scoring()

    @model_validator(mode="after")
    def _check_root(self) -> Params:
        if self.data != "digits" and self.root is None:
            raise ValueError(f"data {self.data} requires root, the folder that holds it")
        return self


class Labelled(PixelTask):
    family = "labelled"
    metrics, writes, outputs = metrics, writes, LabelledOutputs

    def source(self, device: torch.device) -> LabelledSource:
        return LabelledSource(self, device)

    def probe(self, outputs: LabelledOutputs, draws: Draws) -> Tensor:
        """Return the probabilities of a few images; their KL is computed too."""
        x = torch.as_tensor(self.test_images[:PROBED]).float()
        outputs.kl(x)
        return outputs.log_probs(x, draws, CODES)


class LabelledSource:
    def __init__(self, task: Labelled, device: torch.device):
        self.images = torch.as_tensor(task.train_images).to(device)
        self.labels = torch.as_tensor(task.train_labels).to(device)

    def batch(self, draws: Draws, size: int, name: str = "batch") -> dict[str, Tensor]:
        """Return x [S, size, C, H, W] in [-1, 1] and y [S, size] int64."""
        indices = epoch_indices(draws, len(self.images), size, name)
        return {"x": augment(self.images[indices], draws, name), "y": self.labels[indices]}


def build(name: str, params: Params, scratch: Path) -> Labelled:
    return Labelled(name, params, load(params))


def load(params: Params) -> Pixels:
    if params.data == "digits":
        from harness.tasks.data_digits import digits

        return digits()
    from harness.tasks.data_idx import own_set, published_set

    return own_set(params.root) if params.data == "idx" else published_set(params.root, params.data)
