"""What tasks, methods and the harness promise each other.

Legend of axes, used in every docstring:
S seeds of one block, B batch, K code dimensions, N evaluated samples, F features,
C, H, W channels, height, width; T time, E environments.

Label 1, "real" and "expert" are the same side everywhere, and a high score means real.
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
    phase: how many of an observation's last coordinates tell the time within a cycle that the task follows.
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
        """[S, n, C, H, W] in [-1, 1]: the samples numbered `first` to `first + n - 1`."""


@runtime_checkable
class LabelledOutputs(Protocol):
    """A classifier through a code."""

    def log_probs(self, x: Tensor, draws: Draws, n_codes: int) -> Tensor:
        """[S, B, classes] of x [B, C, H, W], the probabilities averaged over `n_codes` codes."""

    def kl(self, x: Tensor) -> Tensor | None:
        """[S, B] nats of x [B, C, H, W]; None without a bottleneck."""


@runtime_checkable
class CriticOutputs(Protocol):
    """A critic of points with F coordinates."""

    def scores(self, x: Tensor) -> Tensor:
        """[S, N] logits at the mean code of x [N, F]; differentiable in x."""

    def kl(self, x: Tensor) -> Tensor | None:
        """[S, N] nats of x [N, F]; None without a bottleneck."""


@runtime_checkable
class ControlOutputs(Protocol):
    """A policy."""

    def noise(self, draws: Draws, shape: Sequence[int], name: str, stream: str = "eval") -> Tensor:
        """[S, *shape, A]: what `act` draws its actions from."""

    def act(self, observations: Tensor, noise: Tensor | None = None) -> Tensor:
        """Actions [S, E, A] at observations [S, E, O]; without noise the policy's mode."""


@runtime_checkable
class PolicyOutputs(ControlOutputs, Protocol):
    """A policy over a discrete set of actions."""

    def log_policy(self, observations: Tensor) -> Tensor:
        """[S, B, A] log-probabilities at observations [S, B, O]."""


@runtime_checkable
class RewardOutputs(Protocol):
    """What the outputs of a method that learns a reward give beside its policy."""

    def reward(self, observations: Tensor, actions: Tensor) -> Tensor:
        """[S, B] of observations [S, B, O] and actions [S, B, A]."""


def missing_members(outputs: Any, promised: type) -> list[str]:
    """The functions of the protocol `promised` that `outputs` does not have."""
    return [name for name in dir(promised) if not name.startswith("_") and not hasattr(outputs, name)]


Fill = Callable[[str, tuple[int, ...], float], Tensor]  # (name, shape of one seed, bound) -> [S, *shape] on +-bound


def initialise(module: nn.Module, draws: Draws) -> None:
    """Set the initial values of every part of `module` that starts at random.

    Such a part has a method `fill(fill)`, which sets its tensors from `fill(name, shape, bound)`: uniform numbers on
    +-bound for each seed, drawn from the stream "init" under the part's path followed by the tensor's name. So two
    tensors start equal exactly where seed, path, shape and bound agree, whatever else the two methods contain.
    """
    for path, part in module.named_modules():
        fill_part = getattr(part, "fill", None)
        if fill_part is not None:

            def fill(name: str, shape: tuple[int, ...], bound: float, path: str = path) -> Tensor:
                return (2.0 * draws.uniform("init", f"{path}.{name}", shape) - 1.0) * bound

            fill_part(fill)


def bind(module: nn.Module, alive: Tensor) -> None:
    """Hand `alive` [S] to every part of `module` that has a method `bind(alive)`.

    Such a part makes its optimiser there, and keeps `alive` as an ordinary attribute: the buffer is the method's.
    """
    for part in module.modules():
        bind_part = getattr(part, "bind", None)
        if bind_part is not None:
            bind_part(alive)


Data = TypeVar("Data", bound=Source | Environments, contravariant=True)  # what a method learns from


class Method(nn.Module, Generic[Data]):
    """An algorithm with its settings, training S seeds at once: a `Method[Source]`, or a `Method[Environments]`.

    Everything it remembers is a parameter or buffer with a leading seed axis, or lies in its
    optimisers; `state_dict()` and `optimizers()` together are the state, and nothing else is.
    `alive` marks seeds that are still finite: a dead seed keeps its last state.

    A constructor begins with `super().__init__(draws.n_seeds)`, makes its nets, calls `ready`, and ends with whatever
    copies or moves their weights: averages and optimisers of its own.
    """

    alive: Tensor  # [S] bool buffer

    def __init__(self, n_seeds: int):
        super().__init__()
        self.register_buffer("alive", torch.ones(n_seeds, dtype=torch.bool))

    def ready(self, draws: Draws, device: torch.device) -> None:
        """Set the initial weights on the CPU, move all to `device`, and hand `alive` to the parts that take steps."""
        initialise(self, draws)
        self.to(device)
        bind(self, self.alive)

    def update(self, source: Data, draws: Draws) -> dict[str, Tensor]:
        """One training step; returns detached logs, each [S]."""
        raise NotImplementedError

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Optimisers by name, for the checkpoint."""
        raise NotImplementedError

    def outputs(self) -> Any:
        """What is to be scored: an object that meets the protocol which the task names as `outputs`, e.g. ImageOutputs.

        Of a method of control that learns a reward it is also RewardOutputs.
        """
        raise NotImplementedError

    def artefacts(self) -> dict[str, dict[str, Tensor]]:
        """What other cells may take from this one: {"demonstrations" or "reward": {name: tensor, the seeds first}}."""
        return {}


class Task:
    """What is to be learnt, from which data, and how it is scored. A task owns the score.

    The class of every family is one; a metric names in its signature the class whose further members it reads.
    metrics: names of files in harness/metrics. writes: what a cell leaves beside its record: "panels" (curves or maps
    that belong to the end of a run), "sheet" (a picture of samples), "artefacts" (what other cells may take). outputs:
    the protocol that a method's outputs meet. params: the task's block, a TaskParams. Of these, metrics and writes
    stand as literals at the top of the family's file, where they are read without running it.
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
        """The training data, on `device`."""
        raise NotImplementedError

    def probe(self, outputs: Any, draws: Draws) -> Tensor:
        """[S, ...]: asks the outputs for a little of all that the metrics would, in a moment, for `bench check`."""
        raise NotImplementedError

    def compute(self, evaluation: Any) -> dict[str, Score]:
        """Scores that the family works out itself, beside those of the files that `metrics` names."""
        return {}

    def panels(self, evaluation: Any) -> list[tuple[str, np.ndarray, np.ndarray]]:
        """(name, x [P], y [S, P]) that the family draws itself, at the end of a run."""
        return []

    def facts(self) -> dict[str, Any]:
        """What `bench prepare` notes of the data beside their hash and shape."""
        return {}

    @property
    def statistical(self) -> bool:
        """Whether two runs of the same seed differ by chance, as on a simulator for GPUs."""
        return False


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
