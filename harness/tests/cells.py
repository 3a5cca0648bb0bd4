"""The cells of params.yaml, and of the tasks that the smoke preset adds, made small enough to be trained inside a test."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from harness import registry
from harness.commands import needs
from harness.commands.plan import RECORDS, Cell, load_plan
from harness.commands.presets import compose_preset
from harness.commands.train import load_task
from harness.contracts import Draws, Method, Task
from harness.run.seeds import CounterDraws

ROOT = Path(__file__).resolve().parents[2]
CPU = torch.device("cpu")
FEW = 20  # environments of a seed
ACTING = ("locomotion", "maze", "tabular")
LEFT = tempfile.TemporaryDirectory()  # of demonstrations, until the process ends


@lru_cache(maxsize=1)
def cells() -> list[Cell]:
    own = load_plan(ROOT).cells
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        json.dump(compose_preset(ROOT, "smoke"), file)  # JSON is YAML
        file.flush()
        smoke = load_plan(ROOT, file.name).cells
    return own + [cell for cell in smoke if cell.task not in {c.task for c in own}]


def method_cells() -> list[Cell]:
    """One cell for each method block, ablations left out; those that act have few environments."""
    return [_small(cell) for cell in cells() if cell.ablation is None]


def _small(cell: Cell) -> Cell:
    if not hasattr(cell.method_params, "learner"):
        return cell
    # With so few samples the Fisher matrix is singular but for its damping, and conjugate gradients enlarge any rounding.
    damped = {"cg_damping": 0.1} if cell.method_params.learner.kind == "trpo" else {}
    learner = cell.method_params.learner.model_copy(update={"n_envs": FEW, **damped})
    return replace(cell, method_params=cell.method_params.model_copy(update={"learner": learner}))


def name_of(cell: Cell) -> str:
    return f"{cell.task}/{cell.name}"


@lru_cache(maxsize=16)
def task_of(name: str) -> Task:
    params = next(c for c in cells() if c.task == name).task_params
    expert = needs.demonstrations(params)
    if expert and not (ROOT / RECORDS / expert).is_dir():
        params = params.model_copy(update={"demonstrations": _left_by(expert)})
        return registry.family(params.family).build(name, params, ROOT / ".scratch/data")
    return load_task(ROOT, name, params)


def _left_by(expert: str) -> str:
    """What TASK/CELL leaves after one update, in a file."""
    cell = next(c for c in method_cells() if name_of(c) == expert)
    held: dict[str, list[np.ndarray]] = {}
    needs.collect(held, updated(cell, (0,), 1).artefacts(), 0)
    path = Path(LEFT.name) / f"{expert.replace('/', '-')}.npz"
    np.savez(path, **{name: np.concatenate(parts) for name, parts in held.items()})
    return str(path)


def draws_of(cell: Cell, seeds: tuple[int, ...]) -> CounterDraws:
    return CounterDraws(seeds, f"{cell.protocol}/{cell.task}")


def build(cell: Cell, seeds: tuple[int, ...]) -> Method:
    algorithm = registry.algorithm(cell.algorithm)
    return algorithm.build(cell.method_params, task_of(cell.task).spec, draws_of(cell, seeds).at(0), CPU)


def updated(cell: Cell, seeds: tuple[int, ...], steps: int) -> Method:
    """A fresh method after that many updates."""
    method, draws, source = build(cell, seeds), draws_of(cell, seeds), task_of(cell.task).source(CPU)
    for draws.step in range(steps):
        method.update(source, draws)
    return method


def score(cell: Cell, method: Method, draws: Draws) -> torch.Tensor:
    """What a metric would ask of a method: enough to move whatever scoring could move."""
    task, outputs = task_of(cell.task), method.outputs()
    if cell.family == "images":
        return outputs.images(draws, 0, 8)
    if cell.family == "labelled":
        outputs.kl(torch.as_tensor(task.test_images[:8]).float())
        return outputs.log_probs(torch.as_tensor(task.test_images[:8]).float(), draws, 2)
    if cell.family in ACTING:
        noise = outputs.noise(draws, (2, 4), "policy", "eval")
        rollout = task.source(CPU).rollout(lambda o, t: outputs.act(o, noise[:, t % 2]), draws, 4, "test", "eval")
        if hasattr(outputs, "reward"):
            outputs.reward(rollout.observations[:, 0], rollout.actions[:, 0])
        return rollout.actions
    x = torch.linspace(-1, 1, 5)[:, None].requires_grad_()
    (slope,) = torch.autograd.grad(outputs.scores(x).sum(), x)
    return slope
