"""Time the Frechet distance with a cached root against scipy's matrix square root.

    python -m harness.benchmarks.frechet --features 2048

Prints seconds, their ratio and the relative difference of the two results.
"""

from __future__ import annotations

import argparse
import time

import numpy as np


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--features", type=int, default=2048)
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()

    import scipy.linalg

    from harness.metrics.distances import Reference, frechet, moments

    rng = np.random.default_rng(0)
    # Rectified mixtures, whose spectrum decays like that of pooled features.
    mixing = rng.normal(size=(args.features, args.features)) / np.arange(1, args.features + 1)
    real, fake = (
        np.maximum(rng.normal(shift, size=(args.samples, args.features)) @ mixing, 0).astype(np.float32)
        for shift in (0.0, 0.1)
    )
    r, g = moments(real), moments(fake)
    reference, root_seconds = timed(lambda: Reference(r), 1)
    ours, seconds = timed(lambda: frechet(reference, g.mean, g.cov), args.repeats)

    def by_sqrtm() -> float:
        product = np.trace(scipy.linalg.sqrtm(r.cov @ g.cov)).real
        return float(np.square(r.mean - g.mean).sum() + np.trace(r.cov) + np.trace(g.cov) - 2 * product)

    theirs, sqrtm_seconds = timed(by_sqrtm, 1)
    print(f"root of the reference, once   {root_seconds:8.2f} s")
    print(f"frechet with that root        {seconds:8.2f} s   {ours:.10g}")
    print(f"scipy.linalg.sqrtm            {sqrtm_seconds:8.2f} s   {theirs:.10g}")
    print(f"ratio {sqrtm_seconds / seconds:.1f}, relative difference {abs(ours - theirs) / theirs:.1e}")


def timed(function, repeats: int):
    """Result and the fastest of `repeats` runs in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - start)
    return result, min(times)


if __name__ == "__main__":
    main()
