"""Metrics of nearest neighbours: precision, recall, density and coverage of features, and the nearest image."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from harness.contracts import BenchError
from harness.metrics.distances import ROWS


class Manifold(NamedTuple):
    precision: float
    recall: float
    density: float
    coverage: float


def require_enough(n: int, k: int) -> None:
    """Raise BenchError if there are too few samples for each to have a k-th neighbour other than itself."""
    if n <= k:
        raise BenchError(
            f"Precision and recall by {k} neighbours need at least {k + 1} samples on each side, got {n}: "
            "use more samples (score.n_fake, or a larger data set)"
        )


def squared_distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the squared distances [N, M] between x [N, F] and y [M, F], in their dtype."""
    squares = (x * x).sum(1)[:, None] + (y * y).sum(1) - 2 * (x @ y.T)
    return squares.clip(0, out=squares)


def radii(x: np.ndarray, k: int) -> np.ndarray:
    """Return the squared distance [N] of each of x [N, F] to its k-th neighbour other than itself.

    Raises BenchError if there are at most k rows, or if a row is not finite.
    """
    require_enough(len(x), k)
    if not np.isfinite(x).all():  # no distance to it compares, so it would count as outside in silence
        bad = (~np.isfinite(x).all(1)).sum()
        raise BenchError(
            f"Precision and recall need finite features: {bad} of {len(x)} samples contain NaN or infinity"
        )
    found = np.empty(len(x))
    for i in range(0, len(x), ROWS):
        squares = squared_distances(x[i : i + ROWS], x)
        np.fill_diagonal(squares[:, i:], np.inf)
        found[i : i + ROWS] = np.partition(squares, k - 1, axis=1)[:, k - 1]
    return found


def manifold(real: np.ndarray, fake: np.ndarray, k: int = 3, real_radii: np.ndarray | None = None) -> Manifold:
    """Return precision and recall (Kynkaanniemi et al. 2019), density and coverage (Naeem et al. 2020).

    The ball of a sample reaches to its k-th neighbour on its own side. Precision is the share of fakes in any real
    ball, and recall the share of reals in any fake ball. Density is the mean number of real balls that contain a fake,
    divided by k, and coverage is the share of real balls that contain a fake. Raises BenchError unless real [N, F] and
    fake [N, F] are finite and N > k.
    """
    real, fake = np.asarray(real, np.float64), np.asarray(fake, np.float64)
    real_radii = radii(real, k) if real_radii is None else real_radii
    fake_radii = radii(fake, k)
    balls = np.zeros(len(fake))  # real balls that hold each fake
    recalled, covered = 0, 0
    for i in range(0, len(real), ROWS):
        squares = squared_distances(real[i : i + ROWS], fake)
        inside = squares <= real_radii[i : i + ROWS, None]
        balls += inside.sum(0)
        covered += inside.any(1).sum()
        recalled += (squares <= fake_radii).any(1).sum()
    return Manifold(
        float((balls > 0).mean()), float(recalled / len(real)), float(balls.mean() / k), float(covered / len(real))
    )


def nearest(images: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Return the index int64 [M] of the nearest of train [N, C, H, W] for each of uint8 images [M, C, H, W]."""
    query, found = _flat(images), np.empty(len(images), np.int64)
    best = np.full(len(images), np.inf, np.float32)
    for i in range(0, len(train), ROWS):
        squares = squared_distances(query, _flat(train[i : i + ROWS]))
        index = squares.argmin(1)
        value = squares[np.arange(len(query)), index]
        found = np.where(value < best, i + index, found)
        best = np.minimum(best, value)
    return found


def nearest_distance(images: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Return the root mean square difference per pixel [M], on the scale 0 to 1, to the nearest training image."""
    gap = _flat(images).astype(np.float64) - _flat(train[nearest(images, train)])
    return np.sqrt(np.square(gap).mean(1))


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float32) / 255
