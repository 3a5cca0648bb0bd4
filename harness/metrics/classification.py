"""Scores of the supervised bottleneck: errors with one and with several codes, and the rate (Alemi et al. 2017)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from harness.contracts import LabelledOutputs, Score
from harness.metrics.evaluation import Evaluation
from harness.tasks.pixels import PixelTask

CHUNK = 10_000  # images at once


def compute(ev: Evaluation[PixelTask, LabelledOutputs]) -> dict[str, Score]:
    """Return error_<n>_codes (the headline), error_1_code and train_error in per cent, and kl in nats with a
    bottleneck.
    """
    task, codes = ev.task, ev.task.params.score.codes
    test = (task.test_images, task.test_labels)
    chance = 100.0 * (1 - np.bincount(task.test_labels).max() / len(task.test_labels))
    manifest = {"n_real": len(task.test_images), "split": "test", "data": task.data_hash}

    def score(values: np.ndarray, label: str, headline: bool = False, **words) -> Score:
        finite = np.isfinite(values)
        return Score(np.where(finite, values, chance), False, chance, label, headline, manifest | words)

    scores = {
        f"error_{codes}_codes": score(_error(ev, *test, codes), f"test error, {codes} codes (%)", True, codes=codes),
        "error_1_code": score(_error(ev, *test, 1), "test error, 1 code (%)", codes=1),
        "train_error": score(
            _error(ev, task.train_images, task.train_labels, codes),
            f"train error, {codes} codes (%)",
            codes=codes,
            split="train",
            n_real=len(task.train_images),
        ),
    }
    kl = _kl(ev)
    if kl is not None:
        # A failed run counts as one that tells nothing apart.
        scores["kl"] = Score(np.where(np.isfinite(kl), kl, 0.0), False, 0.0, "KL(x), test (nat)", manifest=manifest)
    return scores


def _error(
    ev: Evaluation[PixelTask, LabelledOutputs], images: np.ndarray, labels: np.ndarray, codes: int
) -> np.ndarray:
    """Return the error in per cent [S]; NaN for a seed whose probabilities are not finite."""
    wrong, finite = np.zeros(ev.n_seeds), np.ones(ev.n_seeds, bool)
    for x, y in zip(_chunks(ev, images), np.split(labels, range(CHUNK, len(labels), CHUNK))):
        log_probs = ev.outputs.log_probs(x, ev.draws, codes)
        wrong += (log_probs.argmax(2).cpu().numpy() != y).sum(1)
        finite &= ~torch.isnan(log_probs).flatten(1).any(1).cpu().numpy()
    return np.where(finite, 100.0 * wrong / len(labels), np.nan)


def _kl(ev: Evaluation[PixelTask, LabelledOutputs]) -> np.ndarray | None:
    """Return the mean KL over the test images in nats [S], or None without a bottleneck."""
    parts = [ev.outputs.kl(x) for x in _chunks(ev, ev.task.test_images)]
    return None if parts[0] is None else torch.cat(parts, 1).double().mean(1).cpu().numpy()


def _chunks(ev: Evaluation[PixelTask, LabelledOutputs], images: np.ndarray) -> list[Tensor]:
    return [
        torch.as_tensor(images[i : i + CHUNK]).to(ev.device).float() / 127.5 - 1 for i in range(0, len(images), CHUNK)
    ]
