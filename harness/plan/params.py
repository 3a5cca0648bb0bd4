"""Read params.yaml in full, including what its tasks add by themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.plan.controls import with_controls
from harness.run.like import resolve
from harness.run.params import read_yaml


def read_params(root: Path) -> dict[str, Any]:
    """Return params.yaml of `root` with every `like` resolved and control rows among its methods.

    Raises BenchError if the file is missing or not valid YAML, or if a `like` or a name in it is invalid.
    """
    return with_controls(blocks_of(root))


def blocks_of(root: Path, file: str = "params.yaml") -> dict[str, Any]:
    """Return what `read_params` returns, without the control rows; private copies are written from this."""
    return resolve(read_yaml(root / file), file)
