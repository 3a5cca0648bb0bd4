"""Checkpoints: whole files; another run's is refused with the names that differ."""

from __future__ import annotations

import contextlib
import fcntl
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from harness.contracts import BenchError
from harness.files import write_bytes


def save(path: Path, identity: dict[str, Any], state: dict[str, Any]) -> None:
    """state: tensors, numbers, strings and containers of them."""
    buffer = io.BytesIO()
    torch.save({"identity": identity, "state": state}, buffer)
    write_bytes(path, buffer.getvalue())


def load(path: Path, identity: dict[str, Any]) -> dict[str, Any] | None:
    """The state saved under the same identity, or None where there is no checkpoint."""
    if not path.exists():
        return None
    try:
        # On the CPU first: a device may be absent now, and loading a state copies it anyway.
        content = torch.load(path, map_location="cpu", weights_only=True)
        theirs, state = content["identity"], content["state"]
    except Exception:
        raise BenchError(f"checkpoint {path} is damaged: delete that file to train this block again") from None
    differing = sorted(k for k in theirs.keys() | identity.keys() if theirs.get(k) != identity.get(k))
    if differing:
        raise BenchError(f"checkpoint {path} is of another run, it differs in {', '.join(differing)}: move it away")
    return state


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Only one process trains in a folder; a second one is told so."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = open(folder / "lock", "w", encoding="utf-8")
    except OSError as error:
        raise BenchError(f"cannot write {folder} ({error.strerror}): make it writable and run again") from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BenchError(f"{folder} is in use by another run: wait until that has ended") from None
        yield
