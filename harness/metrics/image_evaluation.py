"""The evaluation of a generator of images, with one feature pass for all metrics and all seeds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.contracts import Draws, ImageOutputs, Score
from harness.metrics.encoders.base import Encoder
from harness.metrics.evaluation import Evaluation
from harness.metrics.reference import RealSide, n_fake, real_side
from harness.metrics.sheet import sheet
from harness.tasks.pixels import PixelTask

CHUNK = 500  # images a seed at once; part of what is drawn, as latents are numbered by chunk
COLLAPSED = 1e-3  # of the range: no pixel varies more than this over the samples


class ImageEvaluation(Evaluation[PixelTask, ImageOutputs]):
    """The evaluation of a method that generates images.

    allow_few: allow a Frechet distance of N <= F samples; the manifest then says so.
    scratch: the folder for features of the real side, or None to store none.
    """

    def __init__(
        self,
        task: PixelTask,
        outputs: ImageOutputs,
        draws: Draws,
        encoder: Encoder,
        endpoint: bool = True,
        allow_few: bool = False,
        scratch: Path | None = None,
    ):
        super().__init__(task, outputs, draws, endpoint)
        self.encoder, self.allow_few, self.scratch = encoder, allow_few, scratch

    @cached_property
    def n_fake(self) -> int:
        return n_fake(self.task, self.encoder)

    @cached_property
    def _generated(self) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
        """The uint8 images, the images before rounding if the encoder needs them, and whether they are finite [S]."""
        keep = self.encoder.pixels == "float32"
        pixels, raw, finite = [], [], np.ones(self.n_seeds, bool)
        for first in range(0, self.n_fake, CHUNK):
            x = self.outputs.images(self.draws, first, min(CHUNK, self.n_fake - first))
            finite &= torch.isfinite(x).flatten(1).all(1).cpu().numpy()
            x = torch.nan_to_num(x, 0.0, 1.0, -1.0)  # a seed that needs it is marked, and gets the floor
            pixels.append(to_uint8(x).cpu().numpy())
            if keep:
                raw.append(x.float().cpu().numpy())
        return np.concatenate(pixels, 1), np.concatenate(raw, 1) if keep else None, finite

    @property
    def images(self) -> np.ndarray:
        """The images as uint8 [S, N, C, H, W]."""
        return self._generated[0]

    @cached_property
    def collapsed(self) -> np.ndarray:
        """[S] bool, whether the seed's images are all alike or not finite; such a seed is scored at the floor."""
        images, _, finite = self._generated
        spread = np.array([x.std(0, dtype=np.float32).max() for x in images])
        return (spread < COLLAPSED * 255) | ~finite

    @cached_property
    def features(self) -> np.ndarray:
        """The features as float32 [S, N, F]."""
        images, raw, _ = self._generated
        images = images if raw is None else raw
        return self.encoder.features(images.reshape(-1, *images.shape[2:])).reshape(*images.shape[:2], -1)

    @cached_property
    def real(self) -> RealSide:
        return real_side(self.task, self.encoder, self.allow_few, self.scratch)

    def image_score(self, values: Sequence[float], floor: float, **words: Any) -> Score:
        """Return a score of generated images, with the floor for the seeds that collapsed."""
        return Score(np.where(self.collapsed, floor, np.asarray(values, np.float64)), floor=float(floor), **words)

    def sheet(self) -> bytes:
        """Return a PNG of samples, each above its nearest training image."""
        return sheet(self.images, self.task.train_images)


def to_uint8(x: Tensor) -> Tensor:
    """Return round(255 clip((x + 1) / 2, 0, 1)) for images in [-1, 1], independently for each image."""
    return (255 * ((x + 1) / 2).clamp(0, 1)).round().to(torch.uint8)
