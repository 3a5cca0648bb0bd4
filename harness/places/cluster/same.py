"""Check that a node runs the same packages and code as the driver, because others give other bits."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
from functools import cache
from typing import NamedTuple

from harness import registry

PACKAGES = (
    "torch",
    "torchvision",
    "numpy",
    "scipy",
    "scikit-learn",
    "mujoco",
    "mujoco-warp",
    "gymnasium",
    "torch-fidelity",
    "pydantic",
)
CODE = ("harness", "baselines")


class Make(NamedTuple):
    """What a process runs.

    packages: name -> version without its local suffix (+cu130); None for one that is not installed.
    """

    packages: dict[str, str | None]
    code: str


@cache
def make() -> Make:
    """Return the packages and code of this process."""
    own: dict[str, str | None] = {"python": ".".join(platform.python_version_tuple()[:2])}
    total = hashlib.sha256()
    for path in sorted(path for top in CODE for path in (registry.ROOT / top).rglob("*.py")):
        total.update(path.relative_to(registry.ROOT).as_posix().encode() + b"\0")
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return Make(own | {name: _version(name) for name in PACKAGES}, total.hexdigest()[:16])


def difference(theirs: Make, ours: Make) -> str | None:
    """Describe what differs on a node, in words that follow its name, or return None."""
    differing = [
        _told(name, theirs.packages.get(name), version)
        for name, version in ours.packages.items()
        if theirs.packages.get(name) != version
    ]
    if differing:
        return f"has {', '.join(differing)}: install the same packages on every node"
    if theirs.code != ours.code:
        return "runs other code than was sent: remove what shadows it from its PYTHONPATH, and start the command again"
    return None


def _told(name: str, theirs: str | None, ours: str | None) -> str:
    has = f"{name} {theirs}" if theirs else f"no {name}"
    return f"{has}, not {ours}" if ours else f"{has}, which is missing here"


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name).partition("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return None
