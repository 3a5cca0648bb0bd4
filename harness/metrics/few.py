"""Scores for few images: the kernel distance first, then neighbours and memorisation, with a packaged encoder."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from harness.contracts import ImageOutputs, Score
from harness.metrics import coverage, kid, memorisation, precision_recall
from harness.metrics.encoders.efficientnet_lite0 import ENCODER
from harness.metrics.evaluation import Evaluation
from harness.metrics.image_evaluation import ImageEvaluation
from harness.tasks.few_images import FewImages


def compute(ev: Evaluation[FewImages, ImageOutputs]) -> dict[str, Score]:
    """Return kid_<encoder>, which is the headline, and the scores of the other files, from one pass of features."""
    whole = ImageEvaluation(ev.task, ev.outputs, ev.draws, _encoder(), ev.endpoint, allow_few=True)
    scores = {name: replace(score, headline=True) for name, score in kid.compute(whole).items()}
    for metric in (precision_recall, coverage, memorisation):
        scores |= metric.compute(whole)
    return scores


@lru_cache(maxsize=1)
def _encoder() -> ENCODER:
    return ENCODER()
