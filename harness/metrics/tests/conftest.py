"""A digits encoder for all tests, and small stand-ins for a task and a generator."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from harness.contracts import ImageOutputs
from harness.metrics.encoders import digits_cnn
from harness.run.seeds import CounterDraws
from harness.tasks.data_digits import digits
from harness.tasks.pixels import PixelTask


class DigitsTask(PixelTask):
    """The embedded digits, as an image task scored with n_fake samples."""

    name, outputs = "digits", ImageOutputs
    metrics = ("frechet", "kid", "precision_recall", "coverage", "memorisation")

    def __init__(self, n_fake: int | None = None):
        pixels = digits()
        self.train_images, self.test_images = pixels.train_images, pixels.test_images
        self.train_labels, self.test_labels = pixels.train_labels, pixels.test_labels
        self.data_hash = pixels.data_hash
        score = SimpleNamespace(encoder="digits-cnn", encoder_weights=None, n_fake=n_fake, halves=False)
        self.params = SimpleNamespace(score=score)


class Copies:
    """A generator that returns training digits, with noise of the given strength for each seed."""

    def __init__(self, task: DigitsTask, noise: tuple[float, ...]):
        self.train, self.noise = torch.from_numpy(task.train_images), torch.tensor(noise)

    def images(self, draws, first, n):
        chosen = self.train[draws.integers("eval", f"index/{first}", (n,), len(self.train))]
        noise = draws.normal("eval", f"noise/{first}", chosen.shape[1:])
        return chosen.float() / 127.5 - 1 + self.noise[:, None, None, None, None] * noise


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """Path of a digits encoder's weights, trained briefly."""
    task, path = DigitsTask(), tmp_path_factory.mktemp("encoder") / "digits-cnn.npz"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digits_cnn, "EPOCHS", 6)
        digits_cnn.save(path, digits_cnn.train(task.train_images, task.train_labels))
    return path


@pytest.fixture(scope="session")
def encoder(weights):
    return digits_cnn.DigitsCNN(str(weights))


@pytest.fixture
def draws():
    return CounterDraws((0, 1), "test", lookahead=1)


@pytest.fixture(scope="session")
def uint8():
    """uint8 images [N, C, H, W] of noise."""
    return lambda *shape: np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
