"""Remember computed values by the content that they follow from, in an index in the scratch folder.

A key is a digest of everything that a value depends on, so an entry is either right or not found: no clock is trusted,
and losing the file costs only time. The file contains a digest of itself; a damaged one counts as empty.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.errors import BenchError
from harness.files import write_bytes

FOLDER = Path(".scratch/index")


class Remembered:
    """An index of JSON values by key, of which the newest `most` are kept; leaving the context saves it."""

    def __init__(self, root: Path, name: str, most: int = 20_000):
        self.path, self.most = root / FOLDER / f"{name}.json", most
        self.entries: dict[str, Any] = _read(self.path)
        self.new = False

    def get(self, key: str, make: Callable[[], Any]) -> Any:
        """Return the value of a key; a value that JSON cannot represent is not kept.

        A new value is returned as JSON gives it back, with lists for tuples, so that both ways give the same.

        key: the digest of everything that the value depends on.
        make: a function that computes the value if it is not known.
        """
        if key not in self.entries:
            made = make()
            try:
                self.entries[key] = json.loads(json.dumps(made, allow_nan=False))
            except (TypeError, ValueError):
                return made
            self.new = True
        return self.entries[key]

    def save(self) -> None:
        """Write new entries. If the folder cannot be written, the next process computes them again."""
        if self.new:
            kept = json.dumps(dict(list(self.entries.items())[-self.most :]), separators=(",", ":")).encode()
            with contextlib.suppress(BenchError, OSError):
                write_bytes(self.path, _digest(kept) + b"\n" + kept)
            self.new = False

    def __enter__(self) -> Remembered:
        return self

    def __exit__(self, *_: object) -> None:
        self.save()


def digest(*parts: bytes) -> str:
    """Return 64 hexadecimal digits of all parts, which depend on the boundaries between them."""
    made = hashlib.sha256()
    for part in parts:
        made.update(hashlib.sha256(part).digest())
    return made.hexdigest()


def _read(path: Path) -> dict[str, Any]:
    try:
        head, _, kept = path.read_bytes().partition(b"\n")
        found = json.loads(kept) if head == _digest(kept) else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()
