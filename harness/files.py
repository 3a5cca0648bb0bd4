"""Files that are whole at any moment: written aside, synced, renamed."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from pathlib import Path

from harness.errors import BenchError


def write_bytes(path: Path, content: bytes | memoryview, previous: Path | None = None) -> None:
    """Write a file so that at any moment either the old or the new content is there, whole.

    previous: where the old file goes to, if it is to be kept; between two renames it then stands there alone. Missing
    folders are made. Raises BenchError where the folder cannot be written, where the disk is full, and where `path`
    is a folder or a device; the old file stays.
    """
    if path.exists() and not path.is_file():  # renaming over /dev/null would take the device away
        raise BenchError(f"cannot write {path}: it is not a regular file, so name another one")
    aside = path.with_name(f".{path.name}.aside")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with Path(aside).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if previous is not None and path.exists():
            Path(path).replace(previous)
        Path(aside).replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        raise cannot_write(path, error) from None


def write_text(path: Path, text: str) -> None:
    """As `write_bytes`: UTF-8 whatever the locale, and line ends as they stand in `text`."""
    write_bytes(path, text.encode("utf-8"))


def write_folder(target: Path, contents: dict[str, bytes], room: Path) -> None:
    """Make a folder with the files {name: content}, all of them or none.

    room: a folder of the same file system, in which it is put together. Raises BenchError as `write_bytes` does, and
    where `target` is there already.
    """
    try:
        room.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".aside-", dir=room) as aside:
            whole = Path(aside) / target.name
            whole.mkdir()
            for name, content in contents.items():
                write_bytes(whole / name, content)
            target.parent.mkdir(parents=True, exist_ok=True)
            Path(whole).rename(target)
    except OSError as error:
        raise cannot_write(target, error) from None


def cannot_write(path: Path, error: OSError) -> BenchError:
    """What to tell where the system refused to write `path`."""
    if error.errno == errno.ENOSPC:
        return BenchError(f"disk full while writing {path}: free some space and run again")
    return BenchError(
        f"cannot write {path} ({error.strerror}): make its folder writable or name another one, then run again"
    )
