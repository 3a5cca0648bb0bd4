"""The identity of a run: the code it imports, its parameters and its data. If one changes, it is another run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from harness.errors import BenchError
from harness.plan import needs
from harness.plan.keys import CodeKeys
from harness.plan.outline import Outline, outline
from harness.plan.plan import Cell
from harness.run.params import digest, flatten

DATA = Path("results/data")
LONGEST = 200  # characters of a folder's name; file systems take 255


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
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BenchError(f"{path} is missing: run `bench prepare {task}` first") from None
    except (ValueError, RecursionError):
        raise BenchError(f"{path} is not valid JSON: run `bench prepare {task}` again") from None
    if not isinstance(found, dict) or not isinstance(found.get("data_hash"), str):
        raise BenchError(f"{path} has no data_hash: run `bench prepare {task}` again")
    return found


def identity(root: Path, cell: Cell | Outline, code: CodeKeys | None = None) -> dict[str, Any]:
    """Return every name and value that a training run depends on, flat; seeds are added for each block.

    code: the keys of the code, if the caller asks for many cells; by default the code is read now.
    """
    its = outline(cell)
    return {
        "protocol": its.protocol,
        "code": _code(its, code)["training"],
        "data": data_manifest(root, its.task)["data_hash"],
        **({"reward": needs.reward_fingerprint(root, its.reward, its.rewards)} if its.reward else {}),
        **flatten({"task": {"name": its.task, **its.task_params}, "method": its.method_params}),
    }


def keys_of(root: Path, cell: Cell | Outline, code: CodeKeys | None = None) -> Keys:
    """The keys of a cell; code as of `identity`."""
    its, code = outline(cell), code or CodeKeys()
    training = digest(identity(root, its, code))
    return Keys(training, digest([training, _code(its, code)["scoring"], its.score, data_manifest(root, its.task)]))


def block_folder(root: Path, cell: Cell | Outline, seeds: tuple[int, ...], training_key: str | None = None) -> Path:
    """Where a block trains. training_key: that of `keys_of`, where it is known already."""
    key = training_key or keys_of(root, cell).training
    return root / ".scratch" / "runs" / key / seeds_name(seeds)


def seeds_name(seeds: Sequence[int]) -> str:
    """Return the name of a block's folder: its seeds, or if that is too long, the ends and a digest."""
    name = "seeds-" + "-".join(map(str, seeds))
    return name if len(name) <= LONGEST else f"seeds-{seeds[0]}-to-{seeds[-1]}-{digest(list(seeds))}"


def _code(its: Outline, code: CodeKeys | None) -> dict[str, Any]:
    return (code or CodeKeys()).of(its.family, its.algorithm, its.encoder)
