"""Image generation from few images

This is image generation for a set that is too small for a Frechet distance, which needs more images on each side than
the encoder has features. The headline is the kernel distance (KID), which is unbiased for any number of images.
Precision, recall, density and coverage are reported too. With so few images all of them vary a lot between splits.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from harness.contracts import ImageOutputs
from harness.run.params import TaskParams
from harness.settings import Settings
from harness.tasks.data_folder import image_folder
from harness.tasks.images import Images

learnt_as = "images"
metrics = ("few",)
writes = ()


class Scoring(Settings):
    """How samples are scored.

    n_fake: the number of generated images; null uses as many as the test set has.
    """

    n_fake: int | None = Field(None, ge=4)


class Params(TaskParams):
    """The parameters of the task.

    root: a folder or zip of images.
    size: the width and height in pixels.
    train, test: their folders inside root, "." for all images.
    hold_out: how many test images to hold out from the training part if there is no test part.
    """

    family: Literal["few_images"]
    root: str
    size: int
    train: str = "train"
    test: str = "test"
    hold_out: int = Field(0, ge=0)
    flip: bool = False
    dequantise: float = Field(0.0, ge=0)
    score: Scoring = Scoring()

    @model_validator(mode="after")
    def _check_hold_out(self) -> Params:
        if 0 < self.hold_out < 4:
            raise ValueError("hold_out must be at least 4, as the scores need nearest neighbours")
        return self


class FewImages(Images):
    family = "few_images"
    metrics, writes, outputs = metrics, writes, ImageOutputs


def build(name: str, params: Params, scratch: Path) -> FewImages:
    pixels = image_folder(params.root, params.size, params.train, params.hold_out or params.test, scratch)
    return FewImages(name, params, pixels)
