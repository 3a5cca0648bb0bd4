"""The parameters as a reader needs them: params.yaml whole, with what its tasks add by themselves."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from harness.plan.controls import with_controls
from harness.run.like import resolved, untitled
from harness.run.params import read_yaml, validated
from harness.settings import Settings


def read_params(root: Path) -> dict[str, Any]:
    """params.yaml of `root`, every `like` resolved, rows of control among its methods.

    Raises BenchError where the file is missing or no YAML, a `like` leads nowhere, or a name in it cannot be one.
    """
    return with_controls(blocks_of(root))


def blocks_of(root: Path, file: str = "params.yaml") -> dict[str, Any]:
    """As `read_params`, without the rows of control: what a private copy is written from."""
    return resolved(read_yaml(root / file), file)


def method_params(algorithm: ModuleType, block: dict[str, Any], where: str) -> Settings:
    """A method's block as the Params of its algorithm, which need not repeat the algorithm's name.

    where: the block's place, for the reader of an error. Raises BenchError as `validated`.
    """
    left_out = set() if "algorithm" in getattr(algorithm.Params, "model_fields", {}) else {"algorithm"}
    kept = {key: value for key, value in untitled(block).items() if key not in left_out}
    made: Settings = validated(algorithm.Params, kept, where)
    return made
