"""What the metrics of one evaluation share."""

from __future__ import annotations

from functools import cached_property
from typing import Generic, TypeVar

import numpy as np
import torch

from harness.contracts import Draws, Task

TaskT = TypeVar("TaskT", bound=Task)
OutputsT = TypeVar("OutputsT")


class Evaluation(Generic[TaskT, OutputsT]):
    """The outputs of a method on a task, for all seeds of a block; each part is worked out when first asked for.

    A metric says in its signature which tasks and which outputs it reads. endpoint: the end of the run, where costly
    extras belong (extrapolation, panels).
    """

    def __init__(self, task: TaskT, outputs: OutputsT, draws: Draws, endpoint: bool = True):
        self.task, self.outputs, self.draws, self.endpoint = task, outputs, draws, endpoint

    @property
    def n_seeds(self) -> int:
        return self.draws.n_seeds

    @cached_property
    def device(self) -> torch.device:
        """Where the outputs' inputs belong."""
        return self.draws.uniform("eval", "device", (1,)).device

    @property
    def collapsed(self) -> np.ndarray:
        """[S] bool: the seed's samples are all alike or not finite; it counts at the floor."""
        return np.zeros(self.n_seeds, bool)

    def sheet(self) -> bytes | None:
        """A PNG of samples, of what has any to show."""
        return None
