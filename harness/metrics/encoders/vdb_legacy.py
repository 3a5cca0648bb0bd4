"""The FID protocol of the released VDB image code, only for comparison with the paper's numbers.

It uses torchvision's Inception v3 (not the FID weights), resized to 299 bilinearly. torchvision's affine transform of
the channels is meant for images standardised as for ImageNet but is applied to images in [-1, 1], so the net sees about
half the contrast. It compares 5,056 fakes (79 batches of 64), not rounded to pixels, with 9,984 augmented training
images: 156 batches of 64 from a loader that is shuffled for each, hence with repetition.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.contracts import BenchError
from harness.metrics.encoders.base import Encoder, sha256, state_dict, three_channels
from harness.metrics.encoders.convolutions import channels_last, fold_batch_norm
from harness.run.seeds import CounterDraws
from harness.tasks.pixels import augment

BATCHES, BATCH = 156, 64  # of reals
SCALE = (0.229 / 0.5, 0.224 / 0.5, 0.225 / 0.5)
SHIFT = ((0.485 - 0.5) / 0.5, (0.456 - 0.5) / 0.5, (0.406 - 0.5) / 0.5)


class VdbLegacy(Encoder):
    name, label, dim, split = "vdb-legacy", "released VDB protocol", 2048, "train"
    resize, pixels, n_fake = "bilinear to 299", "float32", 5056
    batch, heavy, precisions = 10, True, ("float32", "bfloat16")

    def __init__(self, weights: str | None = None, device: torch.device | str = "cpu", precision: str = "float32"):
        """Load the weights. Raises BenchError without a usable file.

        weights: a file of torchvision's ImageNet Inception v3.
        """
        if weights is None:
            raise BenchError(
                "encoder vdb-legacy needs encoder_weights: torchvision's ImageNet Inception v3, "
                "the file inception_v3_google-0cc3c7bd.pth (or the older -1a9a5a14.pth)"
            )
        super().__init__(sha256(weights), device, precision, Path(weights))
        self.scale, self.shift = (torch.tensor(v, device=device)[:, None, None] for v in (SCALE, SHIFT))
        self.net = self.build(self.path).to(self.device, self.dtype)  # now, as any file may have been given

    def build(self, path: Path) -> nn.Module:
        from torchvision.models import inception_v3

        net = inception_v3(weights=None, init_weights=False)
        try:
            net.load_state_dict(state_dict(path))
        except RuntimeError as error:
            raise BenchError(
                f"{path} is not torchvision's Inception v3: set encoder_weights to another file"
            ) from error
        net.fc = torch.nn.Identity()
        return fold_batch_norm(net)

    def forward(self, x: Tensor) -> Tensor:
        x = F.interpolate(three_channels(x), size=(299, 299), mode="bilinear", align_corners=False)
        return self.net(channels_last((x * self.scale + self.shift).to(self.dtype)))

    def reals(self, task: Any) -> np.ndarray:
        """Return the real images float32 [9984, C, H, W], flipped and dequantised; they are the same for all methods
        and seeds.
        """
        images, draws = task.train_images, CounterDraws((0,), f"{self.name}/{task.data_hash}")
        size = min(BATCH, len(images))
        indices = torch.cat([draws.permutation("data", "reals", len(images), b)[:, :size] for b in range(BATCHES)], 1)
        x = torch.as_tensor(images[indices[0].numpy()])[None]
        return augment(x, draws, "reals", flip=True, dequantise=1 / 128)[0].numpy()

    def manifest(self) -> dict[str, Any]:
        return super().manifest() | {"reals": "156 shuffled batches of 64, flipped, with noise U(0, 1)/128"}


ENCODER = VdbLegacy
