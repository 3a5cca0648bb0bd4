"""A ring of Gaussians

Gaussians on a circle, told apart from one in its middle by a critic.

`bench new-task <name> --file` copies this file to harness/tasks/<name>.py and gives params.yaml a task of that family.
The two paragraphs above appear at the head of its section of the page. This file is all that the harness needs to
train, score, check and show a family. Every tensor has the seeds as its first axis; every random number comes from
`draws`.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from harness.contracts import CriticOutputs, Draws, Score, Task, TaskSpec
from harness.run.params import TaskParams, digest

learnt_as = "gaussians"  # methods of that family learn this one; without it, those that name this one in FAMILIES do
metrics = ()  # files of harness/metrics that score it, in addition to `compute` below
writes = ("panels",)  # what a cell leaves beside its record: panels, sheet, artefacts


class Params(TaskParams):
    """The keys of its block, in addition to those of every task.

    modes: the number of Gaussians on the circle.
    """

    family: Literal["_family"]
    modes: int = Field(8, ge=1)


class Template(Task):
    family = "_family"
    metrics, writes, outputs = metrics, writes, CriticOutputs  # outputs: the protocol of its methods' outputs

    def __init__(self, name: str, params: Params):
        self.name, self.params = name, params
        self.spec = TaskSpec(self.family, (2,), params.steps)  # all that a method knows about the task
        self.data_hash = digest(["ring", params.modes])  # the hash of the data: a run on other data is a different run

    def source(self, device: torch.device) -> Template:
        """Return what a method trains on: an object with `batch`, or for control `rollout` and `demonstrations`."""
        return self

    def batch(self, draws: Draws, size: int, name: str = "batch") -> dict[str, Tensor]:
        """Return real and fake [S, size, 2], with new draws at each step."""
        angle = 2 * math.pi / self.params.modes * draws.integers("data", f"{name}/mode", (size,), self.params.modes)
        real, fake = (0.1 * draws.normal("data", f"{name}/{side}", (size, 2)) for side in ("real", "fake"))
        return {"real": real + torch.stack([angle.cos(), angle.sin()], -1), "fake": fake}

    def probe(self, outputs: CriticOutputs, draws: Draws) -> Tensor:
        """Return a small part of everything that is scored, quickly, for `bench check`."""
        return outputs.scores(torch.eye(2)).detach()

    def compute(self, evaluation: Any) -> dict[str, Score]:
        """Return the scores [S] by name. The floor is the score of a failed run; one score is the headline."""
        along = self._along(evaluation)
        label = "logit on the ring above that in its middle"
        return {"margin": Score(along[:, -1] - along[:, 0], True, 0.0, label, True, {"data": self.data_hash})}

    def panels(self, evaluation: Any) -> list[tuple[str, np.ndarray, np.ndarray]]:
        """Return curves from the end of a run: (name, x [P], y [S, P])."""
        return [("logit along a radius", np.linspace(0, 1, 5), self._along(evaluation))]

    def _along(self, evaluation: Any) -> np.ndarray:
        """Return logits [S, 5] from the middle to the ring."""
        x = torch.linspace(0, 1, 5)[:, None] * torch.tensor([[1.0, 0.0]])
        return evaluation.outputs.scores(x.to(evaluation.device)).detach().double().cpu().numpy()

    def facts(self) -> dict[str, Any]:
        """Return what `bench prepare` prints about the data."""
        return {"modes": self.params.modes}


def build(name: str, params: Params, scratch: Path) -> Template:
    """Return the task.

    scratch: a folder for what it downloads or unpacks.
    """
    return Template(name, params)
