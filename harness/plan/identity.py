"""What names a run: the code it imports, its parameters, its data. Another name is another run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from harness.contracts import BenchError
from harness.plan import needs
from harness.plan.keys import code_key
from harness.plan.plan import Cell
from harness.run.params import digest, flatten

DATA = Path("results/data")
LONGEST = 200  # characters of a folder's name; file systems take 255


class Keys(NamedTuple):
    """training names the checkpoint; scoring adds the metrics' code and their parameters."""

    training: str
    scoring: str


def data_manifest(root: Path, task: str) -> dict[str, Any]:
    """What `bench prepare` found of a task's data: hashes, sizes, the encoder."""
    path = root / DATA / f"{task}.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BenchError(f"{path} is missing: run `bench prepare {task}` first") from None
    except (ValueError, RecursionError):
        raise BenchError(f"{path} is no readable JSON: run `bench prepare {task}` again") from None
    if not isinstance(found, dict) or not isinstance(found.get("data_hash"), str):
        raise BenchError(f"{path} tells no data_hash: run `bench prepare {task}` again")
    return found


def identity(root: Path, cell: Cell) -> dict[str, Any]:
    """Every name and value that a training run depends on, flat; seeds are added per block."""
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
    return root / ".scratch" / "runs" / keys_of(root, cell).training / seeds_name(seeds)


def seeds_name(seeds: Sequence[int]) -> str:
    """The name of a block's folder: its seeds, or where they are more than a name holds, the ends and a digest."""
    name = "seeds-" + "-".join(map(str, seeds))
    return name if len(name) <= LONGEST else f"seeds-{seeds[0]}-to-{seeds[-1]}-{digest(list(seeds))}"
