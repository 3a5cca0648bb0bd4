"""Read params.yaml in full, including what its tasks add by themselves."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from harness.plan.controls import with_controls
from harness.run.like import resolve, without_title
from harness.run.params import read_yaml, validate
from harness.settings import Settings


def read_params(root: Path) -> dict[str, Any]:
    """Return params.yaml of `root` with every `like` resolved and control rows among its methods.

    Raises BenchError if the file is missing or not valid YAML, or if a `like` or a name in it is invalid.
    """
    return with_controls(blocks_of(root))


def blocks_of(root: Path, file: str = "params.yaml") -> dict[str, Any]:
    """As `read_params`, without the rows of control: what a private copy is written from."""
    return resolve(read_yaml(root / file), file)


def method_params(algorithm: ModuleType, block: dict[str, Any], where: str) -> Settings:
    """A method's block as the Params of its algorithm, which need not repeat the algorithm's name.

    where: the block's place, for the reader of an error. Raises BenchError as `validated`.
    """
    left_out = set() if "algorithm" in getattr(algorithm.Params, "model_fields", {}) else {"algorithm"}
    kept = {key: value for key, value in without_title(block).items() if key not in left_out}
    made: Settings = validate(algorithm.Params, kept, where)
    return made
