"""Time the matrix step of the Frechet distance, given the root of the reference, compared with scipy's square root.

    bench speed frechet

There are d = 2048 features and 5,000 samples per side, on one thread. The root of the reference is computed once for
all distances to it; the relative difference of the two results is in the settings.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np

from harness.benchmarks.record import Options, alternate, at_most, record, row
from harness.report.records.measured import Record

SAMPLES = 5000
AIM = 0.2


def features(rng: np.random.Generator, n: int, d: int, shift: float) -> np.ndarray:
    """Return float32 [n, d]: rectified mixtures, whose spectrum decays like that of pooled features."""
    mixing = np.random.default_rng(1).normal(size=(d, d)) / np.arange(1, d + 1)
    return np.maximum(rng.normal(shift, size=(n, d)) @ mixing, 0).astype(np.float32)


def measure(options: Options) -> Iterator[Record]:
    import scipy
    import scipy.linalg

    from harness.metrics.distances import Reference, frechet, moments

    d, rng = options.size(2048, 512), np.random.default_rng(0)
    r, g = (moments(features(rng, SAMPLES, d, shift)) for shift in (0.0, 0.1))
    reference = Reference(r)

    def by_sqrtm() -> float:
        root = np.trace(scipy.linalg.sqrtm(r.cov @ g.cov)).real
        return float(np.square(r.mean - g.mean).sum() + np.trace(r.cov) + np.trace(g.cov) - 2 * root)

    values: dict[str, float] = {}

    def timed(name: str, function: Callable[[], float]) -> float:
        started = time.perf_counter()
        values[name] = function()
        return time.perf_counter() - started

    def ours(_: int) -> float:
        return timed("ours", lambda: frechet(reference, g.mean, g.cov))

    pairs = [both for _, both in alternate(options, ours=ours, theirs=lambda _: timed("theirs", by_sqrtm))]
    made = row(
        "distance of two Gaussians",
        "s",
        *([p[s] for p in pairs] for s in ("ours", "theirs")),
        "scipy's sqrtm",
        aim=at_most(AIM),
    )
    difference = abs(values["ours"] / values["theirs"] - 1)
    settings = {"d": d, "samples": SAMPLES, "relative difference of the distances": f"{difference:.1e}"}
    peer = {"name": "scipy", "version": scipy.__version__}
    yield record(options, "frechet", "Matrix step of the Frechet distance", [made], settings, peer)
