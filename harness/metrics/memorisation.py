"""Detect copies of training images: the pixel distance to the nearest one, relative to that of test images."""

from __future__ import annotations

from functools import lru_cache

from harness.contracts import Score
from harness.metrics.image_evaluation import ImageEvaluation
from harness.metrics.neighbours import nearest_distance
from harness.tasks.pixels import PixelTask

SAMPLES = 1000  # a seed


def compute(ev: ImageEvaluation) -> dict[str, Score]:
    """Return nearest_train_ratio: 0 for copies, 1 if as close as unseen real images, above 1 if farther away."""
    train, own = ev.task.train_images, _test_distance(ev.task)
    values = [nearest_distance(images[:SAMPLES], train).mean() / own for images in ev.images]
    manifest = {
        "distance": "RMS over pixels",
        "n_real": len(train),
        "n_fake": min(SAMPLES, ev.n_fake),
        "split": "train, relative to test",
        "data": ev.task.data_hash,
    }
    label = "distance to the nearest training image, that of test images = 1"
    return {"nearest_train_ratio": ev.image_score(values, 0.0, higher_is_better=True, label=label, manifest=manifest)}


@lru_cache(maxsize=2)
def _test_distance(task: PixelTask) -> float:
    return float(nearest_distance(task.test_images[:SAMPLES], task.train_images).mean())
