"""The contracts between tasks, methods and the harness.

These axes are used in every docstring: S seeds of one block, B batch, K code dimensions, N evaluated samples, F
features, C channels, H height, W width, T time and E environments.

Label 1, "real" and "expert" always mean the same side, and a high score means real.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from harness.errors import BenchError
from harness.settings import Settings

__all__ = [
    "Act",
    "BenchError",
    "ControlOutputs",
    "CriticOutputs",
    "Draws",
    "Environments",
    "Fill",
    "ImageOutputs",
    "LabelledOutputs",
    "Method",
    "PolicyOutputs",
    "RewardOutputs",
    "Rollout",
    "Score",
    "Settings",
    "Source",
    "Task",
    "TaskSpec",
    "bind",
    "initialise",
    "missing_members",
]

STREAMS = ("init", "data", "latent", "bottleneck", "noise", "env", "expert", "eval")


@runtime_checkable
class Draws(Protocol):
    """Draw random numbers as a pure function of (seed, stream, name, step, index).

    The name of the method is not an input, so all methods see the same batches and latents. `shape` is the shape for
    one seed, and every result has the seeds as its leading axis.
    """

    step: int  # or a tensor on the device, int64 [], while an update is captured as a CUDA graph
    n_seeds: int

    def uniform(self, stream: str, name: str, shape: Sequence[int]) -> Tensor:
        """Return numbers that are uniform on (0, 1), [S, *shape] float32."""

    def normal(self, stream: str, name: str, shape: Sequence[int]) -> Tensor:
        """Return standard normal numbers, [S, *shape] float32."""

    def integers(self, stream: str, name: str, shape: Sequence[int], high: int) -> Tensor:
        """Return integers that are uniform on 0..high-1, [S, *shape] int64."""

    def permutation(self, stream: str, name: str, n: int, epoch: int | Tensor) -> Tensor:
        """Return one permutation of 0..n-1 for each seed, [S, n] int64, which does not depend on the step."""


@dataclass(frozen=True)
class TaskSpec:
    """What a method knows about its task.

    shape: the shape of one input without seed and batch axes, e.g. (1, 8, 8), or of one observation.
    steps: the number of updates in the run, for schedules such as annealed noise or a decaying learning rate.
    n_classes: the number of classes, or 0 without classes.
    n_train: the number of training samples, or 0 if they are not counted.
    action_size: the size of a continuous action, or 0.
    n_actions: the number of discrete actions, which are one-hot, or 0.
    horizon: the length of the longest episode in control steps, or 0 if the task has no episodes.
    phase: how many of the last coordinates of an observation encode the time within the cycle that the task repeats.
    """

    family: str
    shape: tuple[int, ...]
    steps: int
    n_classes: int = 0
    n_train: int = 0
    action_size: int = 0
    n_actions: int = 0
    horizon: int = 0
    phase: int = 0


@dataclass(frozen=True)
class Rollout:
    """The transitions of E environments over T steps, for each seed.

    observations: [S, T, E, O].
    actions: [S, T, E, A], as the policy drew them; an environment may clip them.
    rewards: [S, T, E], the task's own rewards. Imitation may log them but learns from other rewards.
    next_observations: [S, T, E, O], as they were before any reset.
    terminated: [S, T, E] bool, whether the episode ended, so that its value ends too.
    truncated: [S, T, E] bool, whether the episode was cut off, so that its value would continue.
    """

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    next_observations: Tensor
    terminated: Tensor
    truncated: Tensor


Act = Callable[[Tensor, int], Tensor]  # observations [S, E, O], step of the rollout -> actions [S, E, A]


class Source(Protocol):
    """The training data of one task for the seeds of one block.

    A source with a state has `state_dict` and `load_state_dict`, and its state is part of the checkpoint.
    """

    def batch(self, draws: Draws, size: int, name: str = "batch") -> dict[str, Tensor]:
        """Return tensors [S, size, ...] for this step, e.g. x and y; `name` separates several batches of one step."""


class Environments(Protocol):
    """The training data of a control task: environments to act in, and an expert's demonstrations."""

    def rollout(self, act: Act, draws: Draws, n_envs: int, name: str = "rollout", stream: str = "env") -> Rollout:
        """Return whole episodes that begin with a reset, `n_envs` of each seed side by side."""

    def demonstrations(self) -> Rollout:
        """Return the expert's episodes [1, T, E, ...], which are the same for all seeds.

        Recorded motions have no known actions. Environments that demonstrate them also have `tracking_episodes`, a
        function that returns episodes, with actions, of a policy that tracks the motion.
        """


# What a method's outputs give to be scored, a protocol for each kind; a task names its own as `outputs`.


@runtime_checkable
class ImageOutputs(Protocol):
    """A generator of images."""

    def images(self, draws: Draws, first: int, n: int) -> Tensor:
        """Return the samples numbered `first` to `first + n - 1`, [S, n, C, H, W] in [-1, 1]."""


@runtime_checkable
class LabelledOutputs(Protocol):
    """A classifier that predicts from a code."""

    def log_probs(self, x: Tensor, draws: Draws, n_codes: int) -> Tensor:
        """Return log-probabilities [S, B, classes] of x [B, C, H, W]; the probabilities are averaged over `n_codes`
        codes.
        """

    def kl(self, x: Tensor) -> Tensor | None:
        """Return the KL of x [B, C, H, W] in nats, [S, B], or None without a bottleneck."""


@runtime_checkable
class CriticOutputs(Protocol):
    """A critic of points with F coordinates."""

    def scores(self, x: Tensor) -> Tensor:
        """Return logits [S, N] at the mean code of x [N, F]; they are differentiable with respect to x."""

    def kl(self, x: Tensor) -> Tensor | None:
        """Return the KL of x [N, F] in nats, [S, N], or None without a bottleneck."""


@runtime_checkable
class ControlOutputs(Protocol):
    """A policy."""

    def noise(self, draws: Draws, shape: Sequence[int], name: str, stream: str = "eval") -> Tensor:
        """Return the noise [S, *shape, A] from which `act` samples actions."""

    def act(self, observations: Tensor, noise: Tensor | None = None) -> Tensor:
        """Return actions [S, E, A] for observations [S, E, O]; without noise, return the mode of the policy."""


@runtime_checkable
class PolicyOutputs(ControlOutputs, Protocol):
    """A policy over a discrete set of actions."""

    def log_policy(self, observations: Tensor) -> Tensor:
        """Return log-probabilities [S, B, A] for observations [S, B, O]."""


@runtime_checkable
class RewardOutputs(Protocol):
    """The additional outputs of a method that learns a reward."""

    def reward(self, observations: Tensor, actions: Tensor) -> Tensor:
        """Return rewards [S, B] for observations [S, B, O] and actions [S, B, A]."""


def missing_members(outputs: Any, promised: type) -> list[str]:
    """Return the names of the members of the protocol `promised` that `outputs` lacks."""
    return [name for name in dir(promised) if not name.startswith("_") and not hasattr(outputs, name)]


Fill = Callable[[str, tuple[int, ...], float], Tensor]  # (name, shape of one seed, bound) -> [S, *shape] on +-bound


def initialise(module: nn.Module, draws: Draws) -> None:
    """Set the initial values of every part of `module` that starts at random.

    Such a part has a method `fill(fill)`, which sets its tensors from `fill(name, shape, bound)`. These are uniform
    numbers on +-bound for each seed, drawn from the stream "init" under the part's path followed by the tensor's name.
    Two tensors therefore start equal exactly if seed, path, shape and bound agree, whatever else the two methods
    contain.
    """
    for path, part in module.named_modules():
        fill_part = getattr(part, "fill", None)
        if fill_part is not None:

            def fill(name: str, shape: tuple[int, ...], bound: float, path: str = path) -> Tensor:
                return (2.0 * draws.uniform("init", f"{path}.{name}", shape) - 1.0) * bound

            fill_part(fill)


def bind(module: nn.Module, alive: Tensor) -> None:
    """Pass `alive` [S] to every part of `module` that has a method `bind(alive)`.

    Such a part creates its optimiser there. It keeps `alive` as an ordinary attribute, because the buffer belongs to
    the method.
    """
    for part in module.modules():
        bind_part = getattr(part, "bind", None)
        if bind_part is not None:
            bind_part(alive)


Data = TypeVar("Data", bound=Source | Environments, contravariant=True)  # what a method learns from


class Method(nn.Module, Generic[Data]):
    """An algorithm with its settings, which trains S seeds at once: a `Method[Source]` or a `Method[Environments]`.

    The whole state is in parameters and buffers with a leading seed axis and in optimisers: `state_dict()` and
    `optimizers()` together. `alive` marks the seeds that are still finite, and a dead seed keeps its last state.

    A constructor begins with `super().__init__(draws.n_seeds)`, creates its nets and calls `ready`. Last come the parts
    that copy or update their weights, such as averages and optimisers of its own.
    """

    alive: Tensor  # [S] bool buffer

    def __init__(self, n_seeds: int):
        super().__init__()
        self.register_buffer("alive", torch.ones(n_seeds, dtype=torch.bool))

    def ready(self, draws: Draws, device: torch.device) -> None:
        """Set the initial weights on the CPU, move everything to `device`, and pass `alive` to the parts that take
        steps.
        """
        initialise(self, draws)
        self.to(device)
        bind(self, self.alive)

    def update(self, source: Data, draws: Draws) -> dict[str, Tensor]:
        """Make one training step and return detached logs, each [S]."""
        raise NotImplementedError

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Return the optimisers by name, for the checkpoint."""
        raise NotImplementedError

    def outputs(self) -> Any:
        """Return what is scored: an object that implements the protocol that the task names as `outputs`, e.g.
        ImageOutputs.

        If a control method learns a reward, its outputs also implement RewardOutputs.
        """
        raise NotImplementedError

    def artefacts(self) -> dict[str, dict[str, Tensor]]:
        """Return what other cells may use: {"demonstrations" or "reward": {name: tensor with the seeds first}}."""
        return {}


class Task:
    """What is to be learnt, from which data, and how it is scored. The task owns the score.

    Every family subclasses this. The signature of a metric names the subclass whose further members it reads.

    params: the block of the task, a TaskParams.
    metrics: the names of files in harness/metrics.
    writes: what a cell leaves beside its record: "panels" (curves or maps from the end of a run), "sheet" (an image of
        samples) or "artefacts" (what other cells may use).
    outputs: the protocol that the outputs of a method implement.

    The file of the family defines `metrics` and `writes` as literals at its top level, so that they can be read without
    running it.
    """

    name: str
    family: str
    params: Any
    spec: TaskSpec
    data_hash: str
    metrics: tuple[str, ...]
    writes: tuple[str, ...] = ()
    outputs: type

    def source(self, device: torch.device) -> Source | Environments:
        """Return the training data on `device`."""
        raise NotImplementedError

    def probe(self, outputs: Any, draws: Draws) -> Tensor:
        """Return [S, ...], a small part of everything that the metrics would ask of the outputs; `bench check` calls
        it.
        """
        raise NotImplementedError

    def compute(self, evaluation: Any) -> dict[str, Score]:
        """Return the scores that the family computes itself, in addition to those of the files in `metrics`."""
        return {}

    def panels(self, evaluation: Any) -> list[tuple[str, np.ndarray, np.ndarray]]:
        """Return the curves (name, x [P], y [S, P]) that the family itself draws at the end of a run."""
        return []

    def facts(self) -> dict[str, Any]:
        """Return what `bench prepare` prints about the data in addition to their hash and shape."""
        return {}

    @property
    def statistical(self) -> bool:
        """Whether two runs of the same seed may differ by chance, as on a simulator for GPUs."""
        return False


@dataclass(frozen=True)
class Score:
    """One metric over the seeds of a block.

    values: [S] float64.
    higher_is_better: None if the metric only describes.
    floor: the value that a failed run is scored with.
    manifest: how the number is measured (encoder, resizing, N, split, ...). Scores with different manifests never share
        a column.
    references: values to compare with, by label.
    """

    values: np.ndarray
    higher_is_better: bool | None
    floor: float
    label: str
    headline: bool = False
    manifest: dict[str, Any] | None = None
    references: dict[str, float] = field(default_factory=dict)
