"""Equal tuning: every method of a task gets the same number of trials in a declared space.

Trials use seeds that are not reported and a validation part of the training images; the test set
is never met. Trial 0 is the block as declared in `results/tuning/<task>.yaml`; the others draw
each key of the space from its own sequence, so methods that share a key share its values.
"""

from __future__ import annotations

import copy
import csv
import hashlib
import io
import math
import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field

from harness import registry
from harness.contracts import BenchError, Settings
from harness.files import write_text
from harness.places.jobs import Job
from harness.places.local import results
from harness.places.pool import LOG
from harness.places.pulse import Pulse
from harness.places.train import load_task
from harness.plan.plan import Plan
from harness.run import checkpoint, signals
from harness.run.like import without_title
from harness.run.params import TaskParams, digest, read_yaml, validate
from harness.run.seeds import CounterDraws
from harness.run.train import Schedule, train

FOLDER = Path("results/tuning")


class Space(Settings):
    """keys: dotted key -> list of choices, or [low, high] drawn log-uniformly where `log` names it.

    together: keys that take another key's value, e.g. one learning rate for both nets.
    """

    seeds: tuple[int, ...]
    trials: int = Field(ge=1)
    steps: int = Field(ge=1)
    n_validation: int = Field(ge=2)
    metric: str
    choices: dict[str, list[Any]] = {}
    log_uniform: dict[str, tuple[float, float]] = {}
    together: dict[str, str] = {}


def trials(space: Space, block: dict[str, Any]) -> list[dict[str, Any]]:
    """Dotted settings of each trial; a key applies where the method's block has it."""
    names = [k for k in (*space.choices, *space.log_uniform) if _get(block, k) is not None]
    return [{}] + [{k: _draw(space, k, i) for k in names} for i in range(1, space.trials)]


def _draw(space: Space, key: str, trial: int) -> Any:
    seed = int.from_bytes(hashlib.sha256(f"{key}/{trial}".encode()).digest()[:8], "little")
    generator = np.random.Generator(np.random.PCG64(seed))
    if key in space.choices:
        return space.choices[key][int(generator.integers(len(space.choices[key])))]
    low, high = space.log_uniform[key]
    return float(f"{math.exp(generator.uniform(math.log(low), math.log(high))):.2g}")


def applied(space: Space, block: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    block = copy.deepcopy(block)
    for key, value in settings.items():
        _put(block, key, value)
    for key, other in space.together.items():
        if _get(block, key) is not None and _get(block, other) is not None:
            _put(block, key, _get(block, other))
    return block


def tune(root: Path, plan: Plan, task: str, jobs: int | None = None, timeout: float | None = None) -> Path:
    """Run every trial of every method and write results/tuning/<task>.csv.

    timeout: seconds in which a trial has to move.
    """
    space = validate(Space, read_yaml(root / FOLDER / f"{task}.yaml"), f"{FOLDER}/{task}.yaml")
    reported = {seed for cell in plan.cells for seed in cell.seeds if cell.task == task}
    if reported & set(space.seeds):
        raise BenchError(
            f"{FOLDER}/{task}.yaml: seeds {sorted(reported & set(space.seeds))} are reported ones: take others"
        )
    work = [
        Job(
            f"{task}/{name} trial {i}",
            partial(
                _run,
                root,
                plan.cell(task, name).task_params,
                task,
                plan.params["protocol"],
                name,
                i,
                space,
                applied(space, block, s),
            ),
            cost=space.steps * len(space.seeds),
            steps=space.steps,
        )
        for name, block in ((name, without_title(block)) for name, block in plan.params["methods"][task].items())
        for i, s in enumerate(trials(space, block))
    ]
    rows = [row for result in results(work, jobs or os.cpu_count() or 1, root / LOG, timeout) for row in result]
    path = root / FOLDER / f"{task}.csv"
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["task", "method", "trial", "seed", "metric", "value", "settings"])
    writer.writerows(rows)
    write_text(path, text.getvalue())
    return path


def _run(
    root: Path,
    task_params: TaskParams,
    name: str,
    protocol: int,
    method_name: str,
    trial: int,
    space: Space,
    block: dict[str, Any],
    pulse: Pulse,
) -> list[list[Any]]:
    torch.set_num_threads(1)
    from harness.metrics.evaluate import evaluate
    from harness.places.score import encoder_of

    algorithm = registry.algorithm(block["algorithm"])
    params = validate(algorithm.Params, block, f"methods.{name}.{method_name}")
    task = load_task(root, name, task_params).for_tuning(space.n_validation)
    draws = CounterDraws(space.seeds, f"{protocol}/{name}")
    method = algorithm.build(params, task.spec, draws, torch.device("cpu"))
    identity = {"block": digest(block), "space": digest(space.model_dump(mode="json")), "data": task.data_hash}
    folder = root / ".scratch" / "tuning" / digest(identity)
    with checkpoint.lock_folder(folder), signals.defer_stop() as asked:
        train(
            method,
            task.source(torch.device("cpu")),
            draws,
            Schedule(space.steps, 1, 1),
            folder,
            identity,
            lambda step, logs: pulse.beat(step),
            asked,
        )
    score = evaluate(task, method.outputs(), draws.at(0), encoder_of(task), endpoint=False).scores[space.metric]
    values = [v if np.isfinite(v) and a else score.floor for v, a in zip(score.values, method.alive.tolist())]
    chosen = " ".join(
        f"{k}={_get(block, k)}" for k in (*space.choices, *space.log_uniform) if _get(block, k) is not None
    )
    print(f"{name}/{method_name} trial {trial}: {np.mean(values):.4g}  {chosen}", flush=True)
    return [[name, method_name, trial, s, space.metric, f"{v:.6g}", chosen] for s, v in zip(space.seeds, values)]


def _get(block: Any, key: str) -> Any:
    for part in key.split("."):
        block = block.get(part) if isinstance(block, dict) else None
    return block


def _put(block: dict[str, Any], key: str, value: Any) -> None:
    *path, last = key.split(".")
    for part in path:
        block = block[part]
    block[last] = value
