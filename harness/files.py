"""Files that are whole at any moment: written aside, synced, renamed."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from harness.errors import BenchError


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file so that at any moment either the old or the new content is there, whole.

    Missing folders are made. Raises BenchError where the folder cannot be written, where the disk is full, and where `path`
    is a folder or a device; the old file stays.
    """
    if path.exists() and not path.is_file():  # renaming over /dev/null would take the device away
        raise BenchError(f"cannot write {path}: it is not a regular file, so name another one")
    aside = path.with_name(f".{path.name}.aside")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(aside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        raise cannot_write(path, error) from None


def write_text(path: Path, text: str) -> None:
    """As `write_bytes`: UTF-8 whatever the locale, and line ends as they stand in `text`."""
    write_bytes(path, text.encode("utf-8"))


def cannot_write(path: Path, error: OSError) -> BenchError:
    """What to tell where the system refused to write `path`."""
    if error.errno == errno.ENOSPC:
        return BenchError(f"disk full while writing {path}: free some space and run again")
    return BenchError(
        f"cannot write {path} ({error.strerror}): make its folder writable or name another one, then run again"
    )
