"""The common part of all evaluations."""

from __future__ import annotations

from functools import cached_property
from typing import Generic, TypeVar

import numpy as np
import torch

from harness.contracts import Draws, Task

TaskT = TypeVar("TaskT", bound=Task)
OutputsT = TypeVar("OutputsT")


class Evaluation(Generic[TaskT, OutputsT]):
    """The outputs of a method on a task, for all seeds of a block. Each part is computed when it is first used.

    The signature of a metric says which tasks and outputs it reads.

    endpoint: whether this is the end of the run, where expensive extras belong (extrapolation, panels).
    """

    def __init__(self, task: TaskT, outputs: OutputsT, draws: Draws, endpoint: bool = True):
        self.task, self.outputs, self.draws, self.endpoint = task, outputs, draws, endpoint

    @property
    def n_seeds(self) -> int:
        return self.draws.n_seeds

    @cached_property
    def device(self) -> torch.device:
        """The device of the outputs' inputs."""
        return self.draws.uniform("eval", "device", (1,)).device

    @property
    def collapsed(self) -> np.ndarray:
        """[S] bool, whether the seed's samples are all alike or not finite; such a seed is scored at the floor."""
        return np.zeros(self.n_seeds, bool)

    def sheet(self) -> bytes | None:
        """Return a PNG of samples, or None if there is nothing to show."""
        return None
