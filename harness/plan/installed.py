"""What a remembered answer of the project's own code follows from: that code, and the packages beside it."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path

from harness import registry
from harness.remembered import digest

PACKAGES = (".dist-info", ".egg-info", ".egg-link", ".pth")
CODE = ("harness", "baselines")


@cache
def installed_code() -> bytes:
    """A digest of every file of this project's code, the interpreter, and the names and versions of all packages.

    As it is at the first call: what a process has imported stays as it was then.
    """
    parts = [repr((sys.version, _packages())).encode()]
    for top in CODE:
        for folder, below, names in os.walk(registry.ROOT / top):
            below[:] = sorted(name for name in below if name not in ("tests", "__pycache__"))
            for name in sorted(name for name in names if name.endswith(".py")):
                path = Path(folder, name)
                parts += [os.fsencode(path.relative_to(registry.ROOT)), path.read_bytes()]
    return digest(*parts).encode()


def _packages() -> list[str]:
    """Names and versions of the packages along the import path."""
    folders = [Path(place) for place in sys.path if Path(place).is_dir()]
    return sorted(path.name for folder in folders for path in folder.iterdir() if path.suffix in PACKAGES)
