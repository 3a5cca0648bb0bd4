"""The kernel distance of the encoder's features, which is unbiased in N."""

from __future__ import annotations

import numpy as np

from harness.contracts import Score
from harness.metrics import distances
from harness.metrics.image_evaluation import ImageEvaluation


def compute(ev: ImageEvaluation) -> dict[str, Score]:
    """Return kid_<encoder> from equal numbers of reals and fakes; it may be negative."""
    real, n = ev.real.paired, len(ev.real.paired)
    values = [distances.kid(real, features[:n], ev.real.kernel_mean) for features in ev.features]
    floor = distances.kid(real, np.stack([ev.real.floor_feature] * 2), ev.real.kernel_mean)
    score = ev.image_score(
        values,
        floor,
        higher_is_better=False,
        label=f"KID ({ev.encoder.label})",
        manifest=ev.real.manifest() | {"kernel": "(x.y/d + 1)^3", "n_real": n, "n_fake": n},
    )
    return {f"kid_{ev.encoder.name}": score}
