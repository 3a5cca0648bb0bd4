"""The standard FID: torch-fidelity's Inception v3 with the converted weights of 2015.

Pixels 0..255, bilinear to 299 as TensorFlow 1 did it, (x - 128) / 128, pooled features
(Heusel et al. 2017). The weights are torch-fidelity's own download or a given file.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from harness.contracts import BenchError
from harness.metrics.encoders.base import Encoder, checked, three_channels

SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"


class InceptionV3Fid(Encoder):
    name, label, dim, split = "inception-v3-fid", "Inception v3", 2048, "train"
    resize = "bilinear (TensorFlow 1) to 299"

    def __init__(self, weights: str | None = None, device: torch.device | str = "cpu"):
        """Raises BenchError if the weights cannot be had or have another hash."""
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

        path = Path(weights) if weights else download()
        super().__init__(checked(path, self.name, SHA256), device)
        # torch-fidelity unpickles the file, so its hash is checked first.
        self.net = FeatureExtractorInceptionV3(self.name, ["2048"], feature_extractor_weights_path=str(path)).to(device)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(three_channels(x))[0]


def download() -> Path:
    """torch-fidelity's weights in torch's hub folder, fetched if they are not there."""
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3

    path = Path(torch.hub.get_dir()) / "checkpoints" / URL_INCEPTION_V3.rsplit("/", 1)[1]
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(URL_INCEPTION_V3, str(path), progress=False)
        except Exception as error:  # urllib, socket and TLS errors alike
            raise BenchError(
                f"encoder inception-v3-fid: cannot download its weights ({' '.join(str(error).split())}): "
                f"give encoder_weights, the file {path.name}"
            ) from error
    return path
