"""Read params.yaml in full, including what its tasks add by themselves."""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from harness import registry
from harness.plan.controls import with_controls
from harness.plan.installed import installed_code
from harness.remembered import FOLDER, Remembered, digest
from harness.run.like import resolve, without_title
from harness.run.params import read_yaml, validate
from harness.settings import Settings
from harness.yaml_text import LARGEST_FILE


def read_params(root: Path) -> dict[str, Any]:
    """Return params.yaml of `root` with every `like` resolved and control rows among its methods.

    Raises BenchError if the file is missing or not valid YAML, or if a `like` or a name in it is invalid.
    """
    return whole(root, blocks_of(root), "params.yaml")


def whole(root: Path, blocks: dict[str, Any], where: str) -> dict[str, Any]:
    """`with_controls`, which imports the algorithms of some tasks, and with them torch: asked once, then remembered.

    root: where it is remembered, for the code that is installed now.
    """
    text = json.dumps(blocks, default=repr)
    if registry.packaged_algorithms() or json.loads(text) != blocks:
        return with_controls(blocks, where)
    with Remembered(root, "controls", most=64) as known:
        found: dict[str, Any] = known.get(
            digest(installed_code(), where.encode(), text.encode()), lambda: with_controls(blocks, where)
        )
    return found


def blocks_of(root: Path, file: str = "params.yaml") -> dict[str, Any]:
    """As `read_params`, without the rows of control: what a private copy is written from."""
    return resolve(read_blocks(root, root / file), file)


def read_blocks(root: Path, file: Path) -> dict[str, Any]:
    """`read_yaml`, remembered by the content of the file, because parsing takes longer than most commands need.

    root: where it is remembered, for the code that is installed now.
    """
    try:
        content = file.read_bytes() if file.stat().st_size <= LARGEST_FILE else None
    except OSError:
        content = None
    if content is None:
        return read_yaml(file)  # which says what is wrong
    known = _parsed(root)
    found: dict[str, Any] | None = known.get(digest(installed_code(), content), lambda: _plain(file))
    if (root / FOLDER.parent).is_dir():  # a command that is refused writes nothing where nothing was
        known.save()
    return deepcopy(found) if found is not None else read_yaml(file)


@cache
def _parsed(root: Path) -> Remembered:
    return Remembered(root, "parameters", most=200)


def _plain(file: Path) -> dict[str, Any] | None:
    """Return the parameters if JSON gives them back as they are, which it does not with numbers as keys."""
    blocks = read_yaml(file)
    return blocks if json.loads(json.dumps(blocks, default=repr)) == blocks else None


def method_params(algorithm: ModuleType, block: dict[str, Any], where: str) -> Settings:
    """A method's block as the Params of its algorithm, which need not repeat the algorithm's name.

    where: the block's place, for the reader of an error. Raises BenchError as `validated`.
    """
    left_out = set() if "algorithm" in getattr(algorithm.Params, "model_fields", {}) else {"algorithm"}
    kept = {key: value for key, value in without_title(block).items() if key not in left_out}
    made: Settings = validate(algorithm.Params, kept, where)
    return made
