"""The parameters as a reader needs them: params.yaml whole, with what its tasks add by themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.plan.controls import with_controls
from harness.run.like import resolve
from harness.run.params import read_yaml


def read_params(root: Path) -> dict[str, Any]:
    """params.yaml of `root`, every `like` resolved, rows of control among its methods.

    Raises BenchError where the file is missing or no YAML, a `like` leads nowhere, or a name in it cannot be one.
    """
    return with_controls(blocks_of(root))


def blocks_of(root: Path, file: str = "params.yaml") -> dict[str, Any]:
    """As `read_params`, without the rows of control: what a private copy is written from."""
    return resolve(read_yaml(root / file), file)
