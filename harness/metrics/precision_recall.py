"""Precision, recall, density and coverage by nearest neighbours in the encoder's features."""

from __future__ import annotations

from harness.contracts import Score
from harness.metrics.image_evaluation import ImageEvaluation
from harness.metrics.neighbours import Manifold, manifold
from harness.metrics.reference import NEIGHBOURS


def compute(ev: ImageEvaluation) -> dict[str, Score]:
    """Return precision_, recall_, density_ and coverage_<encoder> from equal numbers of reals and fakes."""
    real, n = ev.real.paired, len(ev.real.paired)
    found = [manifold(real, features[:n], NEIGHBOURS, ev.real.radii) for features in ev.features]
    manifest = ev.real.manifest() | {"neighbours": NEIGHBOURS, "n_real": n, "n_fake": n}
    return {
        f"{kind}_{ev.encoder.name}": ev.image_score(
            values, 0.0, higher_is_better=True, label=f"{kind} ({ev.encoder.label})", manifest=manifest
        )
        for kind, values in zip(Manifold._fields, zip(*found))
    }
