"""Two Gaussians, the toy

A critic with and without the bottleneck separates two one-dimensional Gaussians, as in the paper's Fig. 2: the smaller
the budget I_c, the flatter D(x).

Real is N(mean, std^2), and fake is N(-mean, std^2) (Peng et al. 2019, Fig. 2).
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from harness.contracts import CriticOutputs, Draws, Task, TaskSpec
from harness.run.params import TaskParams, digest

metrics = ("boundary",)
writes = ("panels",)


class Params(TaskParams):
    family: Literal["gaussians"]
    mean: float = Field(2.0, gt=0)
    std: float = Field(0.5, gt=0)


class Gaussians(Task):
    family = "gaussians"
    metrics, writes, outputs = metrics, writes, CriticOutputs

    def __init__(self, name: str, params: Params):
        self.name, self.params = name, params
        self.spec = TaskSpec(self.family, (1,), params.steps)
        self.data_hash = digest(["two gaussians", params.mean, params.std])

    def source(self, device: torch.device) -> Gaussians:
        return self

    def batch(self, draws: Draws, size: int, name: str = "batch") -> dict[str, Tensor]:
        """Return real and fake [S, size, 1], with new draws at each step."""
        mean, std = self.params.mean, self.params.std
        return {
            "real": mean + std * draws.normal("data", f"{name}/real", (size, 1)),
            "fake": -mean + std * draws.normal("data", f"{name}/fake", (size, 1)),
        }

    def probe(self, outputs: CriticOutputs, draws: Draws) -> Tensor:
        """Return scores and their slopes at five points."""
        x = torch.linspace(-1, 1, 5)[:, None].requires_grad_()
        scores = outputs.scores(x)
        (slope,) = torch.autograd.grad(scores.sum(), x)
        return torch.cat([scores.detach(), slope.T.expand(len(scores), -1)], 1)


def build(name: str, params: Params, scratch: Path) -> Gaussians:
    return Gaussians(name, params)
