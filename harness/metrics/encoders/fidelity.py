"""Register our encoders in torch-fidelity, so that its command line and metrics can use them by name."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_fidelity.feature_extractor_base import FeatureExtractorBase
from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY, register_feature_extractor

from harness.metrics.encoders.catalogue import load


class Extractor(FeatureExtractorBase):
    """The encoder of the same name; its only layer is "features"."""

    def __init__(self, name: str, features_list: list[str], feature_extractor_weights_path: str | None = None, **_):
        super().__init__(name, features_list)
        self.encoder = load(name, feature_extractor_weights_path)

    @staticmethod
    def get_provided_features_list() -> tuple[str, ...]:
        return ("features",)

    @staticmethod
    def get_default_feature_layer_for_metric(metric: str) -> str:
        return "features"

    @staticmethod
    def can_be_compiled() -> bool:
        return False

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return ([B, F],) for uint8 images [B, C, H, W]."""
        return (torch.from_numpy(self.encoder.features(x.cpu().numpy())),)


def register(*names: str) -> None:
    """Register encoders of the catalogue that take uint8 images, which excludes vdb-legacy."""
    for name in names:
        if name not in FEATURE_EXTRACTORS_REGISTRY:
            register_feature_extractor(name, Extractor)
