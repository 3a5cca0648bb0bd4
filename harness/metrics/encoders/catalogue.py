"""Encoder by name. A library is imported only with the encoder that needs it."""

from __future__ import annotations

from functools import lru_cache

from harness.contracts import BenchError
from harness.metrics.encoders.base import Encoder

NAMES = ("digits-cnn", "efficientnet-lite0", "inception-v3-fid", "vdb-legacy")


@lru_cache(maxsize=2)
def load(name: str, weights: str | None = None, device: str = "cpu", precision: str = "float32") -> Encoder:
    """The encoder with its weights (a file, or None for its own), once per process.

    device: for a heavy encoder; the others are fast on a CPU, and the same there whatever trains.
    Raises BenchError for a name that is not in NAMES, for weights that are missing or wrong and for a precision it has not.
    """
    if name == "digits-cnn":
        from harness.metrics.encoders.digits_cnn import DigitsCNN as found
    elif name == "efficientnet-lite0":
        from harness.metrics.encoders.efficientnet_lite0 import EfficientNetLite0 as found
    elif name == "inception-v3-fid":
        from harness.metrics.encoders.inception_v3_fid import InceptionV3Fid as found
    elif name == "vdb-legacy":
        from harness.metrics.encoders.vdb_legacy import VdbLegacy as found
    else:
        raise BenchError(f"encoder {name!r} is unknown; known: {', '.join(NAMES)}")
    if precision not in found.precisions:
        raise BenchError(f"encoder {name} has no precision {precision!r}: give {' or '.join(found.precisions)}")
    return found(weights, device, precision) if found.heavy else found(weights)
