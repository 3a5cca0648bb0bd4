"""Files that are whole at any moment: written aside, synced, renamed."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from harness.errors import BenchError

ASIDE = ".aside"


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file so that at any moment either the old or the new content is there, whole.

    Missing folders are made. Raises BenchError where the folder cannot be written, where the disk is full, and where `path`
    is a folder or a device; the old file stays.
    """
    if path.exists() and not path.is_file():  # renaming over /dev/null would take the device away
        raise BenchError(f"cannot write {path}: it is not a regular file, so name another one")
    try:
        with aside(path) as file:
            file.write(content)
    except OSError as error:
        raise cannot_write(path, error) from None


def write_text(path: Path, text: str) -> None:
    """As `write_bytes`: UTF-8 whatever the locale, and line ends as they stand in `text`."""
    write_bytes(path, text.encode("utf-8"))


@contextlib.contextmanager
def aside(path: Path) -> Iterator[BinaryIO]:
    """A file to write what is to stand in `path`: synced and renamed to it at the end, gone where that is not reached.

    Its name is its own, so two who write one path do not meet, and the later one stays. What a killed process left
    beside `path` goes too: a file aside is locked by who writes it. Raises OSError as the system does.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".{glob.escape(path.name)}.*{ASIDE}"):
        with contextlib.suppress(OSError):
            _remove_unlocked(left)
    with _own(path) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.replace(file.name, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(file.name)
            raise


def _own(path: Path) -> BinaryIO:
    while True:
        file = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}{ASIDE}").open("xb")
        with contextlib.suppress(OSError):  # of file systems without locks, where nothing is swept either
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(file.fileno()).st_nlink:  # else it was swept before it was locked
            return file
        file.close()


def _remove_unlocked(path: Path) -> None:
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()


def cannot_write(path: Path, error: OSError) -> BenchError:
    """What to tell where the system refused to write `path`."""
    if error.errno == errno.ENOSPC:
        return BenchError(f"disk full while writing {path}: free some space and run again")
    return BenchError(
        f"cannot write {path} ({error.strerror}): make its folder writable or name another one, then run again"
    )
