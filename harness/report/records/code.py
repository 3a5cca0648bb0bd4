"""Tell whether this project's code has changed, for everything that a report keeps between runs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

PROJECT = Path(__file__).parents[3]
CODE = ("harness", "baselines")
KINDS = (".py", ".yaml", ".csv", ".j2", ".css", ".js")
PACKAGES = ("matplotlib", "numpy", "pandas", "scipy", "seaborn")  # those that compute and draw
PAGES = ("jinja2", "markupsafe")


@cache
def state() -> str:
    """Return a digest of the code of this project, of what it reads beside it, and of the versions of its packages."""
    made = hashlib.sha256(repr([*map(version, (*PACKAGES, *PAGES))]).encode())
    for path in (path for name in CODE for path in below(PROJECT / name)):
        if path.suffix in KINDS and "tests" not in path.parts:
            made.update(hashlib.sha256(path.relative_to(PROJECT).as_posix().encode()).digest())
            made.update(hashlib.sha256(path.read_bytes()).digest())
    return made.hexdigest()


def below(place: Path) -> Iterator[Path]:
    """Yield a file, or every file in a folder."""
    yield from [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
