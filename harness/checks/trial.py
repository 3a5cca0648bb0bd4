"""The cells of a tree, reduced so that they train in seconds, and the runs of a method that the checks examine."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from harness import registry
from harness.checks.double import DoubleDraws, DoubleSource, float_is_double
from harness.checks.watch import Place, WatchedDraws, WatchedSource, changed_in_place, global_draws
from harness.contracts import Draws, Method, Task, missing_members
from harness.errors import BenchError, unknown_key
from harness.places.train import load_task
from harness.plan import needs
from harness.plan.plan import Cell, load_plan
from harness.run import checkpoint
from harness.run.device import arithmetic
from harness.run.seeds import CounterDraws
from harness.run.step import Step
from harness.run.train import Run, Schedule, train
from harness.workspace.presets import compose_preset

CPU = torch.device("cpu")
FEW, IMAGES = 20, 4  # environments of a seed, and images in a batch of residual nets
NETS, NARROW = ("net", "generator_net"), {"width": 4, "max_width": 8}
SEEDS, STEPS, WATCHED_STEPS, POINTS = (0, 1), 9, 3, 3  # a state is kept for scoring, and logs, after every third step
IDENTITY = {"name": "contract"}
Each = Callable[[Method, int], None]


class Stopped(Exception):
    """A run that was ended on purpose."""


class Tree:
    """The cells below `root` with their tasks, which are loaded once."""

    def __init__(self, root: Path, cells: Sequence[Cell]):
        self.root = root
        self.cells = [small(cell) for cell in cells]
        self.stood_in: set[str] = set()  # tasks with noise in place of their data
        self._tasks: dict[str, Task] = {}
        self._left = tempfile.TemporaryDirectory()  # of demonstrations

    def task(self, name: str) -> Task:
        """Return the task with its data. An expert that has not run yet is trained for a single update."""
        if name not in self._tasks:
            params = next(c for c in self.cells if c.task == name).task_params
            expert = needs.demonstrations(params)
            if name in self.stood_in:
                self._tasks[name] = registry.family(params.family).stand_in(name, params)
            elif expert and not needs.given(expert) and not (self.root / needs.place(expert)).parent.is_dir():
                params = params.model_copy(update={"demonstrations": self.artefacts_of(expert)})
                self._tasks[name] = registry.family(params.family).build(name, params, self.root / ".scratch/data")
            else:
                self._tasks[name] = load_task(self.root, name, params)
        return self._tasks[name]

    def artefacts_of(self, expert: str) -> str:
        """Return a file with the artefacts of TASK/CELL after one update. Raises BenchError without such a cell."""
        cells = {name_of(cell): cell for cell in self.cells}
        if expert not in cells:
            raise BenchError(unknown_key(f"demonstrations = {expert}", expert, cells))
        held: dict[str, list[np.ndarray]] = {}
        needs.collect(held, Trial(self, cells[expert]).updated((0,), 1).artefacts(), 0)
        path = Path(self._left.name) / f"{expert.replace('/', '-')}.npz"
        np.savez(path, **{name: np.concatenate(parts) for name, parts in held.items()})
        return str(path)


def project(root: Path) -> Tree:
    """Return every method block of params.yaml and of the tasks that the smoke preset adds, without ablations."""
    own = load_plan(root).cells
    smoke = of_preset(root, "smoke")
    cells = own + [cell for cell in smoke if cell.task not in {c.task for c in own}]
    return Tree(root, [cell for cell in cells if cell.ablation is None])


def stand_ins(root: Path, presets: Sequence[str]) -> Tree:
    """Return the cells of `presets` whose family works without its data; of two with one name, that of the earlier
    preset.
    """
    cells = {name_of(cell): cell for preset in reversed(presets) for cell in of_preset(root, preset)}
    known = [c for c in cells.values() if c.ablation is None and hasattr(registry.family(c.family), "stand_in")]
    tree = Tree(root, known)
    tree.stood_in = {cell.task for cell in known}
    return tree


def of_preset(root: Path, name: str) -> list[Cell]:
    """Return every cell of a preset at its own size."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        json.dump(compose_preset(root, name), file)  # JSON is YAML
        file.flush()
        return load_plan(root, file.name).cells


def small(cell: Cell) -> Cell:
    """Return the same cell in a small size: few environments for control methods, and narrow residual nets."""
    params = cell.method_params
    nets = {name: net for name in NETS if (net := getattr(params, name, None)) and hasattr(net, "max_width")}
    if nets:
        narrow = {name: net.model_copy(update=NARROW) for name, net in nets.items()}
        return replace(cell, method_params=params.model_copy(update={**narrow, "batch": IMAGES}))
    if not hasattr(params, "learner"):
        return cell
    # With so few samples the Fisher matrix is singular but for its damping, and conjugate gradients enlarge rounding.
    damped = {"cg_damping": 0.1} if hasattr(cell.method_params.learner, "cg_damping") else {}
    learner = cell.method_params.learner.model_copy(update={"n_envs": FEW, **damped})
    return replace(cell, method_params=cell.method_params.model_copy(update={"learner": learner}))


def name_of(cell: Cell) -> str:
    return f"{cell.task}/{cell.name}"


class Watched(NamedTuple):
    """The result of WATCHED_STEPS updates under observation.

    places: the calls on a global generator.
    moved: the generators that were used.
    taken: how often data were requested.
    spoilt: what was handed out and then changed in place.
    """

    method: Method
    logs: list[dict[str, Tensor]]
    places: list[Place]
    moved: list[str]
    taken: int
    spoilt: list[str]


class Reference(NamedTuple):
    """STEPS undisturbed updates in the training loop."""

    folder: Path
    run: Run
    method: Method


class Trial:
    """One cell's method with all runs that the checks need; with `double`, updates are made in float64."""

    def __init__(self, tree: Tree, cell: Cell, device: torch.device = CPU, double: bool = False):
        self.tree, self.cell, self.device, self.double = tree, cell, device, double
        self._folders = tempfile.TemporaryDirectory()

    def draws(self, seeds: tuple[int, ...] = SEEDS) -> CounterDraws:
        return CounterDraws(seeds, self._scope, self.device)

    @property
    def _scope(self) -> str:
        return f"{self.cell.protocol}/{self.cell.task}"

    @property
    def task(self) -> Task:
        return self.tree.task(self.cell.task)

    def build(self, seeds: tuple[int, ...] = SEEDS) -> Method:
        algorithm = registry.algorithm(self.cell.algorithm)
        on_cpu = CounterDraws(seeds, self._scope, lookahead=1)  # the same initial weights on every device
        return algorithm.build(self.cell.method_params, self.task.spec, on_cpu, self.device)

    def updated(self, seeds: tuple[int, ...], steps: int) -> Method:
        """Return a new method after that many updates."""
        return self.stepped(seeds, steps)[0]

    def stepped(self, seeds: tuple[int, ...], steps: int) -> tuple[Method, str]:
        """Return what `updated` returns, and how the last update ran: `Step.mode`."""
        method, source, draws = self.build(seeds), self.task.source(self.device), self.draws(seeds)
        if self.double:
            method, source = method.double(), DoubleSource(source)
            draws = DoubleDraws(seeds, self._scope, self.device)
        step = Step(method, source, draws)
        with arithmetic("fp32", self.device), float_is_double() if self.double else contextlib.nullcontext():
            for k in range(steps):
                step(k)
        return method, step.mode

    @property
    def doubled(self) -> Trial:
        """Return the same trial in double precision. Raises TypeError for a task with a simulator."""
        if not hasattr(self.task.source(self.device), "batch"):
            raise TypeError(f"{name_of(self.cell)} acts in a simulator of single precision")
        return Trial(self.tree, self.cell, self.device, double=True)

    def trained(
        self, folder: Path, stop: int | None = None, each: Each = lambda method, step: None
    ) -> tuple[Run, Method]:
        """Make STEPS steps of the training loop with a checkpoint after each, or raise Stopped after `stop`."""
        method = self.build()

        def progress(step: int, logs: dict[str, Tensor]) -> None:
            each(method, step)
            if step == stop:
                raise Stopped

        schedule = Schedule(STEPS, log_points=POINTS, evaluations=POINTS, checkpoint_seconds=-1.0)
        with arithmetic("fp32", self.device):
            run = train(method, self.task.source(self.device), self.draws(), schedule, folder, IDENTITY, progress)
        return run, method

    def folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self._folders.name))

    @cached_property
    def reference(self) -> Reference:
        folder = self.folder()
        return Reference(folder, *self.trained(folder))

    @cached_property
    def watched(self) -> Watched:
        """Make updates and compare random numbers and data after use with what they were when they were handed out."""
        source, logs = WatchedSource(self.task.source(CPU)), []
        draws = WatchedDraws(SEEDS, self._scope)
        with global_draws() as (places, moved):
            method = self.build()
            for draws.step in range(WATCHED_STEPS):
                logs.append(method.update(source, draws))
        return Watched(
            method, logs, places, moved, len(source.used), changed_in_place(source.used) + changed_in_place(draws.used)
        )

    def score(self, method: Method, draws: Draws) -> Tensor:
        """Return what a metric would compute, enough to detect any effect of scoring; the seeds are the first axis."""
        outputs = method.outputs()
        if missing := missing_members(outputs, self.task.outputs):
            promised = self.task.outputs.__name__
            raise BenchError(f"outputs() has no {', '.join(missing)}: see {promised} in harness/contracts.py")
        return self.task.probe(outputs, draws)

    def load(self, folder: Path, name: str) -> dict:
        return checkpoint.load(folder / name, IDENTITY)
