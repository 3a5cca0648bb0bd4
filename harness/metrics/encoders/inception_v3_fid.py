"""The standard FID: torch-fidelity's Inception v3 with the converted weights of 2015.

Pixels are 0..255, resized to 299 bilinearly as in TensorFlow 1 and scaled by (x - 128) / 128, and features are pooled
(Heusel et al. 2017). The weights are downloaded by torch-fidelity or read from a given file. Net and resizing are those
of torch-fidelity in a form that takes less than half the time, see `convolutions` and `resize`.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.contracts import BenchError
from harness.metrics.encoders.base import Encoder, three_channels, verify_sha256
from harness.metrics.encoders.convolutions import channels_last, fold_batch_norm

SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
SIDE = 299  # pixels


class InceptionV3Fid(Encoder):
    name, label, dim, split = "inception-v3-fid", "Inception v3", 2048, "train"
    resize = f"bilinear (TensorFlow 1) to {SIDE}"
    batch = 10  # images of one layer then stay in the processor's cache
    heavy, precisions = True, ("float32", "bfloat16")

    def __init__(self, weights: str | None = None, device: torch.device | str = "cpu", precision: str = "float32"):
        """Load the weights. Raises BenchError if they cannot be obtained or their hash differs."""
        path = Path(weights) if weights else download()
        super().__init__(verify_sha256(path, self.name, SHA256), device, precision, path)

    def build(self, path: Path) -> nn.Module:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

        # torch-fidelity unpickles the file, so its hash was checked first.
        net = FeatureExtractorInceptionV3(self.name, ["2048"], feature_extractor_weights_path=str(path))
        # Its parts are registered in the order in which they are applied; the classifier is not for features.
        return fold_batch_norm(nn.Sequential(*(part for name, part in net.named_children() if name != "fc")))

    def forward(self, x: Tensor) -> Tensor:
        x = (resize(three_channels(x).float()) - 128) / 128
        return self.net(channels_last(x.to(self.dtype))).flatten(1)


ENCODER = InceptionV3Fid


def resize(x: Tensor) -> Tensor:
    """Resize [B, C, H, W] to [B, C, 299, 299]: pixel i of the output is at i H / 299 of the input.

    The last row and column are repeated. With one more row and column on both sides, these are the positions of a
    resize that aligns the corners, which torch has as one operation.
    """
    wide = F.pad(x, (0, 1, 0, 1), mode="replicate")
    return F.interpolate(wide, size=(SIDE + 1, SIDE + 1), mode="bilinear", align_corners=True)[..., :SIDE, :SIDE]


def download() -> Path:
    """Return torch-fidelity's weights in torch's hub folder, downloaded if they are missing."""
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3

    path = Path(torch.hub.get_dir()) / "checkpoints" / URL_INCEPTION_V3.rsplit("/", 1)[1]
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(URL_INCEPTION_V3, str(path), progress=False)
        except Exception as error:  # urllib, socket and TLS errors alike
            raise BenchError(
                f"encoder inception-v3-fid: cannot download its weights ({' '.join(str(error).split())}): "
                f"set encoder_weights to a copy of {path.name}"
            ) from error
    return path
