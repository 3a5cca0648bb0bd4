"""What tasks, methods and the harness promise each other.

Legend of axes, used in every docstring:
S seeds of one block, B batch, K code dimensions, N evaluated samples, F features,
C, H, W channels, height, width; T time, E environments.

Label 1, "real" and "expert" are the same side everywhere, and a high score means real.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from harness.errors import BenchError

__all__ = ["BenchError", "Draws", "Environments", "Method", "Rollout", "Score", "Settings", "Source", "Task", "TaskSpec"]

STREAMS = ("init", "data", "latent", "bottleneck", "noise", "env", "expert", "eval")


class Settings(BaseModel):
    """A block of parameters: unknown keys are refused, values are fixed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, allow_inf_nan=False)


@runtime_checkable
class Draws(Protocol):
    """Random numbers as a pure function of (seed, stream, name, step, index).

    The method's name is not an input, so all methods meet the same batches and latents.
    `shape` is the shape for one seed; every result has the seeds as a leading axis.
    """

    step: int  # or a tensor on the device, int64 [], while an update is captured as a CUDA graph
    n_seeds: int

    def uniform(self, stream: str, name: str, shape: Sequence[int]) -> Tensor:
        """[S, *shape] float32, uniform on (0, 1)."""

    def normal(self, stream: str, name: str, shape: Sequence[int]) -> Tensor:
        """[S, *shape] float32, standard normal."""

    def integers(self, stream: str, name: str, shape: Sequence[int], high: int) -> Tensor:
        """[S, *shape] int64, uniform on 0..high-1."""

    def permutation(self, stream: str, name: str, n: int, epoch: int | Tensor) -> Tensor:
        """[S, n] int64: one permutation of 0..n-1 per seed, the same whatever the step."""


@dataclass(frozen=True)
class TaskSpec:
    """What a method is told about its task, and nothing more.

    shape: of one input without seed and batch axes, e.g. (1, 8, 8) or (1,); of one observation.
    steps: updates in the run, for schedules (annealed noise, decayed rates).
    action_size: of a continuous action; n_actions: of a discrete set, whose actions are one-hot;
    horizon: longest episode, in control steps. All three are 0 where there is nothing to act on.
    """

    family: str
    shape: tuple[int, ...]
    steps: int
    n_classes: int = 0
    n_train: int = 0
    action_size: int = 0
    n_actions: int = 0
    horizon: int = 0


@dataclass(frozen=True)
class Rollout:
    """What E environments went through in T steps, for each seed.

    observations, next_observations: [S, T, E, O]; the latter as they were before any reset.
    actions: [S, T, E, A] as the policy drew them; an environment may clip what it carries out.
    rewards: [S, T, E] of the task itself; imitation may log them and learns from others.
    terminated, truncated: [S, T, E] bool, kept apart: only the former ends what the value sums.
    """

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    next_observations: Tensor
    terminated: Tensor
    truncated: Tensor


Act = Callable[[Tensor, int], Tensor]  # observations [S, E, O], step of the rollout -> actions [S, E, A]


class Source(Protocol):
    """Training data of one task for the seeds of one block.

    A source that remembers something has state_dict and load_state_dict, and is part of the checkpoint.
    """

    def batch(self, draws: Draws, size: int, name: str = "batch") -> dict[str, Tensor]:
        """Tensors [S, size, ...] for this step, e.g. x (and y); `name` tells draws of one step apart."""


class Environments(Protocol):
    """The same for control: environments to act in, and an expert's demonstrations."""

    def rollout(self, act: Act, draws: Draws, n_envs: int, name: str = "rollout", stream: str = "env") -> Rollout:
        """Whole episodes from a reset, `n_envs` of each seed side by side."""

    def demonstrations(self) -> Rollout:
        """The expert's episodes [1, T, E, ...], the same for all seeds."""


class Method(nn.Module):
    """An algorithm with its settings, training S seeds at once.

    Everything it remembers is a parameter or buffer with a leading seed axis, or lies in its
    optimisers; `state_dict()` and `optimizers()` together are the state, and nothing else is.
    `alive` marks seeds that are still finite: a dead seed keeps its last state.
    """

    alive: Tensor  # [S] bool buffer

    def update(self, source: Source | Environments, draws: Draws) -> dict[str, Tensor]:
        """One training step; returns detached logs, each [S]."""
        raise NotImplementedError

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Optimisers by name, for the checkpoint."""
        raise NotImplementedError

    def outputs(self) -> Any:
        """What is to be scored: an object with the functions that the task's metrics call.

        images:    images(draws, first, n) -> [S, n, C, H, W] in [-1, 1]
        labelled:  log_probs(x [B, ...], draws, n_codes) -> [S, B, classes]; kl(x) -> [S, B]
        gaussians: scores(x [N, 1]) -> [S, N] logits at the mean code; kl(x) -> [S, N]
        control:   act(observations [S, E, O], noise [S, E, A] or None) -> [S, E, A]; a method that
                   learns a reward has reward(observations, actions) -> [S, B]
        """
        raise NotImplementedError


class Task(Protocol):
    """What is to be learnt, from which data, and how it is scored. A task owns the score."""

    name: str
    family: str
    spec: TaskSpec
    data_hash: str
    metrics: tuple[str, ...]  # names of files in harness/metrics

    def source(self, device: torch.device) -> Source | Environments: ...


@dataclass(frozen=True)
class Score:
    """One metric over the seeds of a block.

    values: [S] float64. floor: the value a failed run counts with. manifest: what the number
    is (encoder, resize, N, split, ...); two manifests never share a column.
    higher_is_better: None where the number only describes.
    """

    values: np.ndarray
    higher_is_better: bool | None
    floor: float
    label: str
    headline: bool = False
    manifest: dict[str, Any] | None = None
    references: dict[str, float] = field(default_factory=dict)
