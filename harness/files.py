"""Read files that have an end, and write files atomically: under a temporary name, then synced and renamed."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from harness.errors import BenchError

ASIDE, ROOM = ".aside", ".aside-"
REFUSED = {  # what the system may say besides refusing access, and what to do about it
    errno.ENOSPC: "the disk is full: free some space and run again",
    errno.EDQUOT: "the disk quota is used up: free some space and run again",
    errno.EFBIG: "the file exceeds the limit on file sizes: raise `ulimit -f` and run again",
    errno.EMFILE: "the process has too many files open: raise `ulimit -n` and run again",
}


def read_bytes(path: Path) -> bytes:
    """Return the content of a file.

    Raises OSError as the system does, and also for a pipe, a device or a socket, from which reading may never end.
    """
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # of a folder the system itself says so
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return path.read_bytes()


def write_bytes(path: Path, content: bytes | memoryview, previous: Path | None = None) -> None:
    """Write a file such that it always has either the old or the new content, never a part of it.

    Creates missing folders. Raises BenchError if the folder cannot be written, if the disk is full, and if `path` is a
    folder or a device; the old file then remains.

    previous: where to keep the old file. Between two renames it exists only there.
    """
    if path.exists() and not path.is_file():  # renaming over /dev/null would take the device away
        raise BenchError(f"cannot write {path}: it is not a regular file, so name another one")
    try:
        with aside(path, previous) as file:
            file.write(content)
    except OSError as error:
        raise cannot_write(path, error) from None


def write_text(path: Path, text: str) -> None:
    """Write text as `write_bytes` does, in UTF-8 whatever the locale and with the line ends of `text`."""
    write_bytes(path, text.encode("utf-8"))


def write_folder(target: Path, contents: dict[str, bytes], room: Path) -> None:
    """Create a folder with the files {name: content}, all of them or none.

    Raises BenchError as `write_bytes` does, and if `target` already exists.

    room: a folder on the same file system, in which the new folder is assembled.
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
    """Open a temporary file that replaces `path` when the context ends without an error, and is removed otherwise.

    Its name is unique, so two writers of the same path do not interfere, and the later one wins. Files that killed
    processes left beside `path` are removed; a live writer holds a lock on its file. Raises OSError as the system does.

    previous: where to keep the old file, as in `write_bytes`.
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
    """Lock a folder, which is created if necessary, without leaving a file in it. Yields False if it cannot be locked
    here.

    Raises BenchError if the folder is in use, and OSError as the system does.

    wait: wait until another process releases the folder.
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
    """Yield an empty folder in `folder`, removed at the end, and remove those that killed processes left there."""
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
    """Return the error for a `path` that the system refused to write."""
    if error.errno in REFUSED:
        return BenchError(f"cannot write {path}: {REFUSED[error.errno]}")
    return BenchError(
        f"cannot write {path} ({error.strerror}): make its folder writable or name another one, then run again"
    )
