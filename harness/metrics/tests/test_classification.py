"""Errors and rate of stand-in classifiers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.metrics import classification
from harness.metrics.evaluate import evaluate
from harness.run.seeds import CounterDraws
from harness.tasks.labelled import Labelled, Params
from harness.tasks.pixels import Pixels

RNG = np.random.default_rng(0)
LABELS = np.repeat(np.arange(4), (40, 20, 20, 20))
IMAGES = LABELS.astype(np.uint8)[:, None, None, None]
# The class is the first pixel; the test set is permuted.
TASK = Labelled(
    "labelled",
    Params(family="labelled", data="digits", seeds=[0], steps=1, score={"codes": 12}),
    Pixels(IMAGES, LABELS, IMAGES[::-1].copy(), LABELS[::-1].copy()),
)


class Outputs:
    """Seed 0 knows the class; seed 1 says class 1 with a single code and class 0 with several."""

    def log_probs(self, x, draws, n_codes):
        k = ((x[:, 0, 0, 0] + 1) * 127.5).round().long()
        guess = torch.stack([k, torch.full_like(k, int(n_codes == 1))])
        return torch.nn.functional.one_hot(guess, 4).float().log()

    def kl(self, x):
        return torch.stack([x[:, 0, 0, 0], 2 + 0 * x[:, 0, 0, 0]]).abs()


def scores(outputs):
    return evaluate(TASK, outputs, CounterDraws((0, 1), "labelled", lookahead=1)).scores


def test_errors_in_per_cent():
    found = scores(Outputs())
    np.testing.assert_allclose(found["error_12_codes"].values, [0, 60])
    np.testing.assert_allclose(found["error_1_code"].values, [0, 80])
    np.testing.assert_allclose(found["train_error"].values, [0, 60])
    assert found["error_12_codes"].headline and found["error_12_codes"].floor == 60
    assert found["kl"].values[1] == pytest.approx(2)


def test_in_pieces_of_the_data(monkeypatch):
    whole = scores(Outputs())
    monkeypatch.setattr(classification, "CHUNK", 7)
    for name, score in scores(Outputs()).items():
        np.testing.assert_allclose(score.values, whole[name].values, rtol=1e-6)


def test_no_bottleneck_and_a_broken_seed():
    class Broken(Outputs):
        def log_probs(self, x, draws, n_codes):
            found = super().log_probs(x, draws, n_codes)
            found[1] = float("nan")
            return found

        def kl(self, x):
            return None

    found = scores(Broken())
    assert "kl" not in found
    np.testing.assert_allclose(found["error_12_codes"].values, [0, found["error_12_codes"].floor])
