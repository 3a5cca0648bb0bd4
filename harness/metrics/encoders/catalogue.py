"""Encoder by name: the file of that name in this folder, imported only when it is asked for.

No import statement here names one, so that a cell's key holds the encoder that its task names and no other
(`harness.plan.keys`).
"""

from __future__ import annotations

import importlib
from functools import lru_cache

from harness.contracts import BenchError
from harness.metrics.encoders.base import Encoder

NAMES = ("digits-cnn", "efficientnet-lite0", "inception-v3-fid", "vdb-legacy")


def encoder_class(name: str) -> type[Encoder]:
    """The class that the encoder's file calls ENCODER. Raises BenchError for a name that is not in NAMES."""
    if name not in NAMES:
        raise BenchError(f"encoder {name!r} is unknown; known: {', '.join(NAMES)}")
    return importlib.import_module(f"harness.metrics.encoders.{name.replace('-', '_')}").ENCODER


@lru_cache(maxsize=2)
def load(name: str, weights: str | None = None, device: str = "cpu", precision: str = "float32") -> Encoder:
    """The encoder with its weights (a file, or None for its own), once per process.

    device: for a heavy encoder; the others are fast on a CPU, and the same there whatever trains.
    Raises BenchError for a name that is not in NAMES, for weights that are missing or wrong and for a precision that
    the encoder lacks.
    """
    found = encoder_class(name)
    if precision not in found.precisions:
        raise BenchError(
            f"encoder {name} does not support precision {precision!r}: use {' or '.join(found.precisions)}"
        )
    return found(weights, device, precision) if found.heavy else found(weights)
