"""The parameters as a reader needs them: params.yaml whole, with what its tasks add by themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.plan.controls import with_controls
from harness.run.params import read_yaml


def read_params(root: Path) -> dict[str, Any]:
    """params.yaml of `root`, rows of control among its methods.

    Raises BenchError where the file is missing or no YAML, or where a name in it cannot be one.
    """
    return with_controls(read_yaml(root / "params.yaml"))
