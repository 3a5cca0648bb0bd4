"""Run one trial of tuning: its settings on seeds that are not reported, scored on held-out training data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field, model_validator

from harness import registry
from harness.contracts import BenchError, Settings, Task
from harness.places.errand import There, weights
from harness.places.jobs import Job
from harness.places.pulse import Pulse
from harness.places.train import load_task
from harness.plan.params import method_params
from harness.plan.resources import Resources
from harness.run import checkpoint, signals
from harness.run.params import TaskParams, digest
from harness.run.seeds import CounterDraws
from harness.run.train import Schedule, train


class Space(Settings):
    """The space of a task's trials: choices, and ranges [low, high] that are drawn log-uniformly, by dotted key.

    together: keys that take the value of another key, e.g. one learning rate for both nets.
    """

    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(min_length=1)
    trials: int = Field(ge=1, le=10_000)
    steps: int = Field(ge=1)
    n_validation: int = Field(ge=2)
    metric: str
    choices: dict[str, list[Any]] = {}
    log_uniform: dict[str, tuple[float, float]] = {}
    together: dict[str, str] = {}

    @model_validator(mode="after")
    def _check_ranges(self) -> Space:
        for key, (low, high) in self.log_uniform.items():
            if not 0 < low < high:
                raise ValueError(f"log_uniform.{key} must be [low, high] with 0 < low < high")
        for key, choices in self.choices.items():
            if not choices:
                raise ValueError(f"choices.{key} must have at least one value")
        return self


@dataclass(frozen=True)
class Trial:
    """One trial of a method, which is an `Errand`.

    block: the parameters with the drawn settings.
    data: the hash of the task's data on the machine that asks; "" if the trial runs on that machine.
    """

    task_params: TaskParams
    task: str
    protocol: int
    method: str
    number: int
    space: Space
    block: dict[str, Any]
    data: str = ""

    def files(self, root: Path) -> list[Path]:
        return weights(root, self.task_params)

    def load(self, root: Path) -> Task:
        """Load the task. Raises BenchError if its data are not those of the machine that asks."""
        task = load_task(root, self.task, self.task_params)
        if self.data and task.data_hash != self.data:
            raise BenchError(f"data of {self.task} have hash {task.data_hash}, asked for were {self.data}")
        return task

    def do(self, there: There) -> list[list[Any]]:
        """Return a row of the table for each seed."""
        return _run(self, there)

    def fault(self, value: Any) -> str | None:
        return None


def job(root: Path, trial: Trial, takes: Resources) -> Job:
    """Return the job of a trial, which may run here or elsewhere.

    takes: what the trial takes of a machine.
    """
    return Job(
        f"{trial.task}/{trial.method} trial {trial.number}",
        partial(_here, trial, root),
        cost=trial.space.steps * len(trial.space.seeds),
        steps=trial.space.steps,
        sent=partial(_sent, trial, root),
        takes=takes,
    )


def _here(trial: Trial, root: Path, pulse: Pulse) -> list[list[Any]]:
    return trial.do(There("here", root, pulse, lambda: False))


def _sent(trial: Trial, root: Path) -> Trial:
    return replace(trial, data=load_task(root, trial.task, trial.task_params).data_hash)


def _run(trial: Trial, there: There) -> list[list[Any]]:
    torch.set_num_threads(1)
    from harness.metrics.evaluate import evaluate
    from harness.places.score import encoder_of

    name, space, block = trial.task, trial.space, trial.block
    algorithm = registry.algorithm(block["algorithm"])
    params = method_params(algorithm, block, f"methods.{name}.{trial.method}")
    task = trial.load(there.root).for_tuning(space.n_validation)
    # A trial has one checkpoint, so nothing is chosen by halves, for which a small validation part has too few images.
    task.metrics = tuple(name for name in task.metrics if name != "halves")
    draws = CounterDraws(space.seeds, f"{trial.protocol}/{name}")
    method = algorithm.build(params, task.spec, draws, torch.device("cpu"))
    identity = {"block": digest(block), "space": digest(space.model_dump(mode="json")), "data": task.data_hash}
    identity["trial"] = str(trial.number)  # two may have equal settings, and each needs a folder
    folder = there.root / ".scratch" / "tuning" / digest(identity)
    with checkpoint.lock_folder(folder), signals.defer_stop() as asked:
        run = train(
            method,
            task.source(torch.device("cpu")),
            draws,
            Schedule(space.steps, 1, 1),
            folder,
            identity,
            lambda step, logs: there.pulse.beat(step),
            lambda: asked() or there.stop(),
        )
    if run.step < space.steps:
        raise signals.Stopped
    score = evaluate(task, method.outputs(), draws.at(0), encoder_of(task), endpoint=False).scores[space.metric]
    values = [v if np.isfinite(v) and a else score.floor for v, a in zip(score.values, method.alive.tolist())]
    chosen = " ".join(
        f"{k}={value_at(block, k)}" for k in (*space.choices, *space.log_uniform) if value_at(block, k) is not None
    )
    print(f"{name}/{trial.method} trial {trial.number}: {np.mean(values):.4g}  {chosen}", flush=True)
    rows = zip(space.seeds, values)
    return [[name, trial.method, trial.number, seed, space.metric, f"{v:.6g}", chosen] for seed, v in rows]


def value_at(block: Any, key: str) -> Any:
    """Return the value of a dotted key, or None."""
    for part in key.split("."):
        block = block.get(part) if isinstance(block, dict) else None
    return block
