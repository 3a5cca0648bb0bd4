"""The identity of a run: the code it imports, its parameters and its data. If one changes, it is another run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from harness.contracts import BenchError
from harness.plan import needs
from harness.plan.keys import code_key
from harness.plan.plan import Cell
from harness.run.params import digest, flatten

DATA = Path("results/data")


class Keys(NamedTuple):
    """The hashes of a cell.

    training: identifies the checkpoint.
    scoring: also covers the code and the parameters of the metrics.
    """

    training: str
    scoring: str


def data_manifest(root: Path, task: str) -> dict[str, Any]:
    """Return what `bench prepare` recorded about a task's data: hashes, sizes, the encoder."""
    path = root / DATA / f"{task}.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BenchError(f"{path} is missing: run `bench prepare {task}` first") from None
    except ValueError:
        raise BenchError(f"{path} is not valid JSON: run `bench prepare {task}` again") from None


def identity(root: Path, cell: Cell) -> dict[str, Any]:
    """Return every name and value that a training run depends on, flat; seeds are added for each block."""
    task = cell.task_params.model_dump(mode="json", exclude={"score", "seeds"})
    taken = needs.reward(cell)
    return {
        "protocol": cell.protocol,
        "code": code_key(cell.family, cell.algorithm, cell.task_params.encoder)["training"],
        "data": data_manifest(root, cell.task)["data_hash"],
        **({"reward": needs.fingerprint(root, taken)} if taken else {}),
        **flatten({"task": {"name": cell.task, **task}, "method": cell.method_params.model_dump(mode="json")}),
    }


def keys_of(root: Path, cell: Cell) -> Keys:
    training = digest(identity(root, cell))
    score = cell.task_params.model_dump(mode="json").get("score")
    code = code_key(cell.family, cell.algorithm, cell.task_params.encoder)["scoring"]
    return Keys(training, digest([training, code, score, data_manifest(root, cell.task)]))


def block_folder(root: Path, cell: Cell, seeds: tuple[int, ...]) -> Path:
    return root / ".scratch" / "runs" / keys_of(root, cell).training / ("seeds-" + "-".join(map(str, seeds)))
