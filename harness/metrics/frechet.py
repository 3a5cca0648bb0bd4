"""The Frechet distance of the encoder's features, which is the headline of image tasks, and its limit for large N."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from harness.contracts import Score
from harness.metrics import distances
from harness.metrics.image_evaluation import ImageEvaluation

SIZES = 12  # values of N in the extrapolation (Chong and Forsyth 2020)
PANEL = "frechet against 1/N"


def compute(ev: ImageEvaluation) -> dict[str, Score]:
    """Return frechet_<encoder> and, at the end of a run if N is large enough, frechet_inf_<encoder>."""
    words = {"higher_is_better": False, "floor": ev.real.floor, "manifest": ev.real.manifest()}
    values = [_distance(ev, features) for features in ev.features]
    scores = {
        f"frechet_{ev.encoder.name}": ev.image_score(
            values,
            label=f"Frechet distance ({ev.encoder.label})",
            headline=True,
            references=ev.real.references,
            **words,
        )
    }
    if ev.endpoint and (ns := sizes(ev.n_fake, ev.encoder.dim)):
        limits = [distances.extrapolate(ns, y).limit for y in curves(ev, ns)]
        label = f"Frechet distance, limit N to infinity ({ev.encoder.label})"
        scores[f"frechet_inf_{ev.encoder.name}"] = ev.image_score(limits, label=label, **words)
    return scores


def panels(ev: ImageEvaluation) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Return the distance [S, P] against 1/N [P], from random subsets of the fakes and all reals."""
    ns = sizes(ev.n_fake, ev.encoder.dim)
    return [(PANEL, 1.0 / np.array(ns), curves(ev, ns))] if ns else []


def sizes(n: int, d: int) -> tuple[int, ...]:
    """Return SIZES values of N from n / 10, but above 2 d, to n, evenly spaced in 1/N, or none if that is empty."""
    least = max(n // 10, 2 * d)
    if 2 * least > n:
        return ()
    return tuple(round(1 / inverse) for inverse in np.linspace(1 / least, 1 / n, SIZES))


@lru_cache(maxsize=1)  # the limit and the panel share it
def curves(ev: ImageEvaluation, ns: tuple[int, ...]) -> np.ndarray:
    """Return the distances [S, P] of random subsets of size N."""
    found = np.empty((ev.n_seeds, len(ns)))
    for p, n in enumerate(ns):
        rows = ev.draws.permutation("eval", f"subset/{n}", ev.n_fake, 0)[:, :n].cpu().numpy()
        found[:, p] = [_distance(ev, features[chosen]) for features, chosen in zip(ev.features, rows)]
    return found


def _distance(ev: ImageEvaluation, features: np.ndarray) -> float:
    fake = distances.moments(features, ev.allow_few)
    return distances.frechet(ev.real.gaussian, fake.mean, fake.cov)
