"""The parameters as a reader needs them: params.yaml whole, with what its tasks add by themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness import registry
from harness.plan.controls import with_controls
from harness.plan.installed import installed_code
from harness.remembered import Remembered, digest
from harness.run.like import resolved
from harness.run.params import read_yaml


def read_params(root: Path) -> dict[str, Any]:
    """params.yaml of `root`, every `like` resolved, rows of control among its methods.

    Raises BenchError where the file is missing or no YAML, a `like` leads nowhere, or a name in it cannot be one.
    """
    return whole(root, blocks_of(root), "params.yaml")


def whole(root: Path, blocks: dict[str, Any], where: str) -> dict[str, Any]:
    """`with_controls`, which imports the algorithms of some tasks, and with them torch: asked once, then remembered.

    root: where it is remembered, for the code that is installed now.
    """
    text = json.dumps(blocks, default=repr)
    if registry.packaged() or json.loads(text) != blocks:
        return with_controls(blocks, where)
    with Remembered(root, "controls", most=64) as known:
        found: dict[str, Any] = known.get(
            digest(installed_code(), where.encode(), text.encode()), lambda: with_controls(blocks, where)
        )
    return found


def blocks_of(root: Path, file: str = "params.yaml") -> dict[str, Any]:
    """As `read_params`, without the rows of control: what a private copy is written from."""
    return resolved(read_yaml(root / file), file)
