"""Find an encoder by its name: the file of that name in this folder, which is imported only on request.

No import statement here names an encoder, so the key of a cell covers only the encoder that its task names
(`harness.plan.keys`).
"""

from __future__ import annotations

import importlib
from functools import lru_cache

from harness.contracts import BenchError
from harness.metrics.encoders.base import Encoder

NAMES = ("digits-cnn", "efficientnet-lite0", "inception-v3-fid", "vdb-legacy")


def encoder_class(name: str) -> type[Encoder]:
    """Return the class that the encoder's file defines as ENCODER. Raises BenchError for a name not in NAMES."""
    if name not in NAMES:
        raise BenchError(f"encoder {name!r} is unknown; known: {', '.join(NAMES)}")
    return importlib.import_module(f"harness.metrics.encoders.{name.replace('-', '_')}").ENCODER


@lru_cache(maxsize=2)
def load(name: str, weights: str | None = None, device: str = "cpu", precision: str = "float32") -> Encoder:
    """Return the encoder with its weights, loaded once per process.

    Raises BenchError for a name that is not in NAMES, for missing or wrong weights, and for an unsupported precision.

    weights: a file, or None for the encoder's own weights.
    device: the device of a heavy encoder. The others are fast on a CPU, where their features do not depend on the
        device used for training.
    """
    found = encoder_class(name)
    if precision not in found.precisions:
        raise BenchError(
            f"encoder {name} does not support precision {precision!r}: use {' or '.join(found.precisions)}"
        )
    return found(weights, device, precision) if found.heavy else found(weights)
