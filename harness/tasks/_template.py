"""A ring of Gaussians

Gaussians on a circle, told apart from one in its middle by a critic.

`bench new-task <name> --file` copies this file to harness/tasks/<name>.py and gives params.yaml a task of that family.
The two paragraphs above head its section of the page. What stands below is all that the harness needs to know of a
family: from here it trains, scores, checks, stales and shows it. Every tensor has the seeds as its first axis; every
random number comes from `draws`.
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

learnt_as = "gaussians"  # by the methods of that family; without it, by those that name this one in FAMILIES
metrics = ()  # files of harness/metrics that score it, beside what `compute` works out here
writes = ("panels",)  # what a cell leaves beside its record: panels, sheet, artefacts


class Params(TaskParams):
    """The keys of its block, beside those that every task has. modes: how many Gaussians there are on the circle."""

    family: Literal["_template"]
    modes: int = Field(8, ge=1)


class Template(Task):
    family = "_template"
    metrics, writes, outputs = metrics, writes, CriticOutputs  # outputs: the protocol that its methods' outputs meet

    def __init__(self, name: str, params: Params):
        self.name, self.params = name, params
        self.spec = TaskSpec(self.family, (2,), params.steps)  # all that a method is told
        self.data_hash = digest(["ring", params.modes])  # of the data: other data are another run

    def source(self, device: torch.device) -> Template:
        """What a method trains on: an object with `batch`, or for control with `rollout` and `demonstrations`."""
        return self

    def batch(self, draws: Draws, size: int, name: str = "batch") -> dict[str, Tensor]:
        """real, fake: [S, size, 2], drawn fresh at each step."""
        angle = 2 * math.pi / self.params.modes * draws.integers("data", f"{name}/mode", (size,), self.params.modes)
        real, fake = (0.1 * draws.normal("data", f"{name}/{side}", (size, 2)) for side in ("real", "fake"))
        return {"real": real + torch.stack([angle.cos(), angle.sin()], -1), "fake": fake}

    def probe(self, outputs: CriticOutputs, draws: Draws) -> Tensor:
        """A little of all that is scored, in a moment, for `bench check`."""
        return outputs.scores(torch.eye(2)).detach()

    def compute(self, evaluation: Any) -> dict[str, Score]:
        """The scores [S] by name. The floor is what a run that failed counts with; one score is the headline."""
        along = self._along(evaluation)
        label = "logit on the ring above that in its middle"
        return {"margin": Score(along[:, -1] - along[:, 0], True, 0.0, label, True, {"data": self.data_hash})}

    def panels(self, evaluation: Any) -> list[tuple[str, np.ndarray, np.ndarray]]:
        """Curves of the end of a run: (name, x [P], y [S, P])."""
        return [("logit along a radius", np.linspace(0, 1, 5), self._along(evaluation))]

    def _along(self, evaluation: Any) -> np.ndarray:
        """[S, 5]: logits from the middle to the ring."""
        x = torch.linspace(0, 1, 5)[:, None] * torch.tensor([[1.0, 0.0]])
        return evaluation.outputs.scores(x.to(evaluation.device)).detach().double().cpu().numpy()

    def facts(self) -> dict[str, Any]:
        """What `bench prepare` notes of the data."""
        return {"modes": self.params.modes}


def build(name: str, params: Params, scratch: Path) -> Template:
    """The task; scratch: a folder for what it downloads or unpacks."""
    return Template(name, params)
