"""Distances between two sets of features in float64, as pure functions of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from harness.contracts import BenchError

ROWS = 2000  # of a kernel or distance matrix at once: bounds the memory


class Moments(NamedTuple):
    """Moments of n samples in float64.

    mean: [F].
    cov: [F, F], divided by N - 1.
    """

    mean: np.ndarray
    cov: np.ndarray
    n: int


def require_enough(n: int, d: int, allow_few: bool = False) -> None:
    """Raise BenchError if there are at most d samples for d features, unless that is explicitly allowed.

    With so few samples the covariance is singular, and the Frechet distance is mostly its bias.
    """
    if n <= d and not allow_few:
        raise BenchError(
            f"Frechet distance: N = {n} samples are too few for a covariance of d = {d} features: "
            f"use more than {d} samples (n_fake, or a larger data set) or an encoder with fewer features"
        )


def moments(features: np.ndarray, allow_few: bool = False) -> Moments:
    """Return the moments of features [N, F]. Raises BenchError as `require_enough` does; a manifest must show
    `allow_few`.
    """
    n, d = features.shape
    require_enough(n, d, allow_few)
    x = np.asarray(features, np.float64)
    mean = x.mean(0)
    x = x - mean
    return Moments(mean, x.T @ x / (n - 1), n)


class Reference:
    """Moments of the real side with the symmetric root S_r^1/2, which is computed once."""

    def __init__(self, real: Moments):
        self.mean, self.cov = real.mean, real.cov
        values, vectors = np.linalg.eigh(real.cov)
        self.root = (vectors * np.sqrt(values.clip(0))) @ vectors.T


def frechet(reference: Reference, mean: np.ndarray, cov: np.ndarray) -> float:
    """Return the squared 2-Wasserstein distance of two Gaussians (Heusel et al. 2017, Eq. 6).

    It is |mu_r - mu_g|^2 + tr(S_r + S_g) - 2 tr((S_r^1/2 S_g S_r^1/2)^1/2) for mean [F] and cov [F, F]. The middle
    matrix is symmetric and has the eigenvalues of S_r S_g, so the last trace needs only real eigenvalues.
    """
    middle = reference.root @ cov @ reference.root
    values = np.linalg.eigvalsh((middle + middle.T) / 2)
    shift = reference.mean - mean
    return float(shift @ shift + np.trace(reference.cov) + np.trace(cov) - 2 * np.sqrt(values.clip(0)).sum())


def frechet_to_point(reference: Reference, point: np.ndarray) -> float:
    """Return `frechet` for a collapsed generator, all of whose samples have the features `point` [F]."""
    shift = reference.mean - point
    return float(shift @ shift + np.trace(reference.cov))


class Extrapolation(NamedTuple):
    """The fit value(N) = limit + slope / N.

    standard_error: the standard error of the limit, from the residuals.
    """

    limit: float
    slope: float
    standard_error: float


def extrapolate(ns: Sequence[int], values: Sequence[float]) -> Extrapolation:
    """Fit least squares in 1/N for three or more sizes N (Chong and Forsyth 2020, FID_inf)."""
    design = np.stack([np.ones(len(ns)), 1.0 / np.asarray(ns, np.float64)], 1)
    y = np.asarray(values, np.float64)
    (limit, slope), *_ = np.linalg.lstsq(design, y, rcond=None)
    variance = np.square(y - design @ (limit, slope)).sum() / (len(y) - 2)
    error = np.sqrt(variance * np.linalg.inv(design.T @ design)[0, 0])
    return Extrapolation(float(limit), float(slope), float(error))


def kernel_mean(x: np.ndarray, y: np.ndarray | None = None) -> float:
    """Return the mean of k(x, y) = (x.y / F + 1)^3 over all pairs; without y over the pairs i != j of x [N, F].

    Raises BenchError if there is no such pair.
    """
    if y is None and len(x) < 2:
        raise BenchError(f"KID needs at least 2 samples on each side, got {len(x)}: use more samples")
    x = np.asarray(x, np.float64)
    other = x if y is None else np.asarray(y, np.float64)
    total = 0.0
    for i in range(0, len(x), ROWS):
        k = x[i : i + ROWS] @ other.T / x.shape[1] + 1
        total += np.vdot(k * k, k)
    if y is not None:
        return float(total / (len(x) * len(other)))
    own = ((x * x).sum(1) / x.shape[1] + 1) ** 3
    return float((total - own.sum()) / (len(x) * (len(x) - 1)))


def kid(real: np.ndarray, fake: np.ndarray, real_mean: float | None = None) -> float:
    """Return the unbiased squared MMD with the cubic kernel (Binkowski et al. 2018, KID), which may be negative.

    real: [N, F].
    fake: [M, F].
    real_mean: `kernel_mean(real)` if it is known.
    """
    real_mean = kernel_mean(real) if real_mean is None else real_mean
    return real_mean + kernel_mean(fake) - 2 * kernel_mean(real, fake)
