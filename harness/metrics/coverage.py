"""Count the classes among the generated images, as the encoder predicts them, to detect missing modes."""

from __future__ import annotations

import numpy as np

from harness.contracts import Score
from harness.metrics.image_evaluation import ImageEvaluation

ENOUGH = 0.03  # share of the samples at which a class counts as present


def compute(ev: ImageEvaluation) -> dict[str, Score]:
    """Return smallest_class_share and classes_at_3pct, or nothing if the encoder predicts no classes."""
    if not ev.encoder.n_classes:
        return {}
    shares = np.stack([_shares(ev, features) for features in ev.features])
    real = _shares(ev, ev.real.features)
    words = {"higher_is_better": True, "manifest": ev.real.manifest()}
    return {
        "smallest_class_share": ev.image_score(
            shares.min(1),
            0.0,
            label="share of the rarest class",
            references={"real images": float(real.min())},
            **words,
        ),
        "classes_at_3pct": ev.image_score(
            (shares >= ENOUGH).sum(1),
            0.0,
            label="classes at 3 % or more",
            references={"real images": float((real >= ENOUGH).sum())},
            **words,
        ),
    }


def _shares(ev: ImageEvaluation, features: np.ndarray) -> np.ndarray:
    """Return the shares [classes] of samples [N, F]."""
    return np.bincount(ev.encoder.classes(features), minlength=ev.encoder.n_classes) / len(features)
