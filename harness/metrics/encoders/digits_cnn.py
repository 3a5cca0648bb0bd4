"""A small convolutional net for the 8x8 digits, trained once from scratch, which provides features and classes.

`train` computes the weights from the training digits only, bit-equal at each call, and `save` writes them as float16
(33 kB). A file that is kept in git makes the metric the same on every machine. The 32 features are standardised on the
training digits, so a Frechet distance is in units of their variance, and a constant image costs at least about 32.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.contracts import BenchError
from harness.metrics.encoders.base import Encoder, sha256
from harness.run.seeds import CounterDraws

EPOCHS, BATCH, RATE = 40, 60, 3e-3


class DigitsNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 24, 3, padding=1)
        self.conv3 = nn.Conv2d(24, 32, 3, padding=1)
        self.code, self.head = nn.Linear(128, 32), nn.Linear(32, 10)
        self.register_buffer("mean", torch.zeros(32))
        self.register_buffer("std", torch.ones(32))

    def forward(self, x: Tensor) -> Tensor:
        """Return standardised features [B, 32] of uint8 images [B, 1, 8, 8]."""
        x = F.relu(self.conv1(x.float() / 255))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.max_pool2d(F.relu(self.conv3(x)), 2)
        return (self.code(x.flatten(1)) - self.mean) / self.std

    def logits(self, features: Tensor) -> Tensor:
        """Return logits [B, 10] of standardised features [B, 32]."""
        return self.head(F.relu(features * self.std + self.mean))


class DigitsCNN(Encoder):
    name, label, dim, n_classes = "digits-cnn", "digits CNN", 32, 10
    batch = 48  # a multiple of 6 and 16: matrix products round the rows left over from their blocks in another way

    def __init__(self, weights: str | None = None, device: torch.device | str = "cpu"):
        """Load the weights. Raises BenchError without a file or for a file that `save` did not write.

        weights: the file of the weights.
        """
        if weights is None:
            raise BenchError(
                "encoder digits-cnn has no weights yet: run `bench prepare`, or set encoder_weights to their file"
            )
        super().__init__(sha256(weights), device)
        self.net = DigitsNet().eval().requires_grad_(False)
        try:
            with np.load(weights, allow_pickle=False) as held:
                self.net.load_state_dict({key: torch.from_numpy(held[key].astype(np.float32)) for key in held.files})
        except Exception as error:  # zip, pickle and shape errors alike
            raise BenchError(
                f"{weights} does not hold the weights of {self.name}: set encoder_weights to another file"
            ) from error
        self.net.to(device)

    @staticmethod
    def make(weights: Path, task: Any) -> None:
        save(weights, train(task.train_images, task.train_labels))

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1:] != (1, 8, 8):
            raise BenchError(
                f"encoder {self.name} requires images of 1 x 8 x 8, got {' x '.join(map(str, x.shape[1:]))}"
            )
        return self.net(x)

    @torch.inference_mode()
    def classes(self, features: np.ndarray) -> np.ndarray:
        return self.net.logits(torch.from_numpy(features).to(self.device)).argmax(1).cpu().numpy()


ENCODER = DigitsCNN


def train(images: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """Return float16 weights from uint8 images [N, 1, 8, 8] and int64 labels [N]; the result is deterministic.

    Uses one thread, so that the order of sums is fixed, Adam with a cosine learning rate, and the cross entropy.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _train(torch.from_numpy(images), torch.from_numpy(labels))
    finally:
        torch.set_num_threads(threads)


def _train(x: Tensor, y: Tensor) -> dict[str, np.ndarray]:
    draws, net = CounterDraws((0,), "digits-cnn"), DigitsNet()
    for name, value in net.named_parameters():
        bound = (3.0 / max(1, value[0].numel())) ** 0.5 if value.dim() > 1 else 0.0
        value.data = (2 * draws.uniform("init", name, value.shape)[0] - 1) * bound * 2**0.5
    optimizer = torch.optim.Adam(net.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for epoch in range(EPOCHS):
        for rows in draws.permutation("data", "order", len(x), epoch)[0].split(BATCH):
            optimizer.zero_grad()
            F.cross_entropy(net.logits(net(x[rows])), y[rows]).backward()
            optimizer.step()
        schedule.step()
    with torch.no_grad():
        code = net(x)
        net.mean, net.std = code.mean(0), code.std(0)
    return {name: value.numpy().astype(np.float16) for name, value in net.state_dict().items()}


def save(path: str | Path, weights: dict[str, np.ndarray]) -> str:
    """Write the weights from `train` and return the file's SHA-256; the format contains no time stamp."""
    np.savez(path, **weights)
    return sha256(path)
