"""Tune all methods of a task equally: each gets the same number of trials in a declared space.

Trials use seeds that are not reported and a validation part of the training images; the test set is never used. Trial 0
is the block as declared in `results/tuning/<task>.yaml`. The others draw each key of the space from its own sequence,
so methods that share a key share its values.
"""

from __future__ import annotations

import copy
import csv
import hashlib
import io
import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from harness import registry
from harness.errors import BenchError
from harness.files import write_text
from harness.places.cluster.on import On
from harness.places.local import results
from harness.places.pool import LOG
from harness.places.trial import Space, Trial, job, value_at
from harness.plan.params import method_params
from harness.plan.plan import Plan, in_words_of_yaml
from harness.run.like import merge, without_title
from harness.run.params import read_yaml, validate
from harness.store import is_number

FOLDER = Path("results/tuning")


def trials(space: Space, block: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the dotted settings of each trial; a key applies if the method's block has it."""
    names = [k for k in (*space.choices, *space.log_uniform) if value_at(block, k) is not None]
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
        if value_at(block, key) is not None and value_at(block, other) is not None:
            _put(block, key, value_at(block, other))
    return block


def tune(
    root: Path,
    plan: Plan,
    task: str,
    jobs: int | None = None,
    timeout: float | None = None,
    on: On | None = None,
) -> Path:
    """Run every trial of every method and write results/tuning/<task>.csv.

    root: the project's folder.
    plan: the plan of the project.
    task: the task.
    jobs: the number of trials at the same time; default: one for each core.
    timeout: the seconds in which a trial must make a step.
    on: a cluster to run them on instead.

    Raises BenchError for a task that is unknown or whose trials no file describes.
    """
    plan.chosen(task)
    if not (root / FOLDER / f"{task}.yaml").is_file():
        raise BenchError(f"{FOLDER}/{task}.yaml is missing: write there what is tried, as in {FOLDER}/digits8.yaml")
    try:
        space = validate(Space, read_yaml(root / FOLDER / f"{task}.yaml"), f"{FOLDER}/{task}.yaml")
    except BenchError as error:
        raise BenchError(in_words_of_yaml(str(error))) from None
    reported = {seed for cell in plan.cells for seed in cell.seeds if cell.task == task}
    if reported & set(space.seeds):
        raise BenchError(
            f"{FOLDER}/{task}.yaml: seeds {sorted(reported & set(space.seeds))} are reported: choose others"
        )
    cells = plan.chosen(task)
    blocks = {name: without_title(block) for name, block in plan.params["methods"][task].items()}
    _check_keys(space, blocks, f"{FOLDER}/{task}.yaml", task)
    work = [
        job(
            root,
            Trial(cells[0].task_params, task, plan.params["protocol"], name, i, space, applied(space, block, settings)),
            plan.takes(cells[0]),
        )
        for name, block in blocks.items()
        for i, settings in enumerate(trials(space, block))
    ]
    if on is None:
        made = results(work, jobs or os.cpu_count() or 1, root / LOG, timeout)
    else:
        from harness.places.cluster.train import results_on

        made = results_on(root, on, cells, plan, work, timeout)
    rows = [row for result in made for row in result]
    path = root / FOLDER / f"{task}.csv"
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["task", "method", "trial", "seed", "metric", "value", "settings"])
    writer.writerows(rows)
    write_text(path, text.getvalue())
    return path


def _check_keys(space: Space, blocks: dict[str, dict[str, Any]], where: str, task: str) -> None:
    """Raise BenchError for a key that no method of the task could have, which would never be varied."""
    samples = {
        "choices": {key: values[0] for key, values in space.choices.items()},
        "log_uniform": {key: low for key, (low, _) in space.log_uniform.items()},
        "together": dict.fromkeys((*space.together, *space.together.values()), 1.0),
    }
    for part, keys in samples.items():
        for key, value in keys.items():
            unknown = [_unknown(block, key, value, f"{where}: {part}") for block in blocks.values()]
            if all(unknown):
                raise BenchError(unknown[0])
    for key in space.log_uniform:
        for value in (value_at(block, key) for block in blocks.values()):
            if value is not None and not is_number(value):
                raise BenchError(
                    f"{where}: log_uniform.{key}: must name a number, but a method of {task} has {value!r} there"
                )


def _unknown(block: dict[str, Any], key: str, value: Any, where: str) -> str:
    """Return the message about `key` if the method's algorithm has no such key; '' if it has, whatever its value."""
    for part in reversed(key.split(".")):
        value = {part: value}
    try:
        method_params(registry.algorithm(block["algorithm"]), merge(block, value), where)
    except BenchError as error:
        return str(error) if ": unknown key; " in str(error) else ""
    return ""


def _put(block: dict[str, Any], key: str, value: Any) -> None:
    *path, last = key.split(".")
    for part in path:
        block = block[part]
    block[last] = value
