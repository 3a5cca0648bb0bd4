"""The Frechet distances to two halves of the real images: one half can choose a checkpoint and the other score it.

A checkpoint that is chosen by the images that also score it looks better than it is. The report chooses and scores, see
`harness/report/records/checkpoints.py`; here are only the distances. With half as many real images they are larger than
those to all of them.
"""

from __future__ import annotations

from functools import lru_cache

from harness.contracts import Score
from harness.metrics import distances
from harness.metrics.image_evaluation import ImageEvaluation
from harness.metrics.reference import RealSide


def compute(ev: ImageEvaluation) -> dict[str, Score]:
    """Return half_0_frechet_<encoder> and half_1_frechet_<encoder> if the task asks for them.

    Raises BenchError if a half has too few images for the encoder's features.
    """
    if not ev.task.params.score.halves:
        return {}
    fakes = [distances.moments(features, ev.allow_few) for features in ev.features]
    scores = {}
    for half in (0, 1):
        reference, n = real_half(ev.real, half)
        scores[f"half_{half}_frechet_{ev.encoder.name}"] = ev.image_score(
            [distances.frechet(reference, fake.mean, fake.cov) for fake in fakes],
            floor=distances.frechet_to_point(reference, ev.real.floor_feature),
            higher_is_better=False,
            label=f"Frechet distance, half {half} of the real images ({ev.encoder.label})",
            manifest=ev.real.manifest() | {"n_real": n, "half": half},
        )
    return scores


@lru_cache(maxsize=2)
def real_half(real: RealSide, half: int) -> tuple[distances.Reference, int]:
    """Return the moments of every second real image, from image `half` on, and how many these are."""
    found = distances.moments(real.features[half::2], real.allow_few)
    return distances.Reference(found), found.n
