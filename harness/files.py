"""Files that are whole at any moment: written aside, synced, renamed."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from harness.errors import BenchError

ASIDE, ROOM = ".aside", ".aside-"


def write_bytes(path: Path, content: bytes | memoryview, previous: Path | None = None) -> None:
    """Write a file so that at any moment either the old or the new content is there, whole.

    previous: where the old file goes to, if it is to be kept; between two renames it then stands there alone. Missing
    folders are made. Raises BenchError where the folder cannot be written, where the disk is full, and where `path`
    is a folder or a device; the old file stays.
    """
    if path.exists() and not path.is_file():  # renaming over /dev/null would take the device away
        raise BenchError(f"cannot write {path}: it is not a regular file, so name another one")
    try:
        with aside(path, previous) as file:
            file.write(content)
    except OSError as error:
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
        with _temporary_folder(room) as own:
            whole = own / target.name
            whole.mkdir()
            for name, content in contents.items():
                write_bytes(whole / name, content)
            target.parent.mkdir(parents=True, exist_ok=True)
            whole.rename(target)
    except OSError as error:
        raise cannot_write(target, error) from None


@contextlib.contextmanager
def aside(path: Path, previous: Path | None = None) -> Iterator[BinaryIO]:
    """A file to write what is to stand in `path`: synced and renamed to it at the end, gone where that is not reached.

    Its name is its own, so two who write one path do not meet, and the later one stays. What a killed process left
    beside `path` goes too: a file aside is locked by who writes it. previous: as of `write_bytes`. Raises OSError as
    the system does.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".{glob.escape(path.name)}.*{ASIDE}"):
        with contextlib.suppress(OSError):
            _remove_unlocked(left)
    with _open_aside(path) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if previous is not None and path.exists():
                path.replace(previous)
            Path(file.name).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(file.name).unlink()
            raise


@contextlib.contextmanager
def lock_folder(folder: Path, wait: bool = False) -> Iterator[bool]:
    """Hold a folder, which is made if need be, without a trace in it. False on file systems that lock no folder.

    wait: until another process lets it go. Raises BenchError where it is in use, and OSError as the system does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        locks = True
    except BlockingIOError:
        os.close(descriptor)
        raise BenchError(f"{folder} is in use by another run: wait until that has ended") from None
    except OSError:
        locks = False
    try:
        yield locks
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _temporary_folder(folder: Path) -> Iterator[Path]:
    """An empty folder in `folder`, gone at the end; what killed processes left there of the kind goes too."""
    with lock_folder(folder, wait=True) as alone:
        for left in folder.glob(f"{ROOM}*/") if alone else ():
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=ROOM, dir=folder) as own:
            yield Path(own)


def _open_aside(path: Path) -> BinaryIO:
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
