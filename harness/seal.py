"""The seal of a record: the file SHA256SUMS holds the hash of every other file in a form that `sha256sum -c` reads.

When a cell is written again, record.json is removed first and written last, so the other files are complete whenever it
exists. The seal reveals whether a file has been changed, swapped or lost since. It is a file of its own because it also
covers provenance.json, which differs between equal runs, whereas DVC and `bench reproduce` compare record.json. For the
same reason the seal is not an output of a stage and .dvcignore lists it.

The hashes are of the original content, so tables that are stored compressed (`harness.packed`) are hashed uncompressed.

The seal protects against accidents and careless edits, not against forgery: anyone who can write a record can seal it.
To verify a record beyond that, `bench verify` trains it again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from harness import packed
from harness.errors import BenchError
from harness.files import cannot_write, write_bytes
from harness.store import FILES, HEAD, SEAL, CellName, command_of

LINE = re.compile(r"([0-9a-f]{64})  ([^/\0\n]+)")


def write(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write a record, given as {name: content} including record.json, and remove other files of an earlier record.

    Raises BenchError if the folder cannot be written; an earlier record is then already gone.
    """
    try:
        for name in (HEAD, *(FILES - contents.keys()), *packed.FORMS):
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(folder / HEAD, error) from None
    whole = with_seal(contents)
    for name in sorted(whole, key=lambda name: (name == HEAD, name == SEAL)):
        write_bytes(folder / name, whole[name])


def with_seal(contents: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files of a record together with their seal, unless they already contain one."""
    lines = [f"{_digest(content)}  {name}\n" for name, content in sorted(contents.items()) if name in FILES]
    return {SEAL: "".join(lines).encode(), **contents}


def has_seal(folder: Path) -> bool:
    """Whether a record has a seal; records of schemas 1 and 2 may have none."""
    return (folder / SEAL).is_file()


def check(folder: Path, names: Iterable[str] = FILES) -> None:
    """Check the files `names` of a record against its seal, once per process unless they change.

    Raises BenchError with cell, file and cure in one line. A record without a seal passes.
    """
    if has_seal(folder) and (fault := _fault(folder, _stamps(folder, {*names, SEAL}))):
        cell = CellName(folder.parent.name, folder.name)
        raise BenchError(f"{cell}: {fault}: restore the record, e.g. with git, or run `{command_of(folder)}`")


def _stamps(folder: Path, names: Iterable[str]) -> tuple[tuple[str, int, int, int], ...]:
    """Return what reveals a changed file: (name, size, modification time, inode), or (name, -1, 0, 0) if missing."""
    stamps = []
    for name in sorted(names):
        try:
            found = packed.standing(folder / name).stat()
            stamps.append((name, found.st_size, found.st_mtime_ns, found.st_ino))
        except OSError:
            stamps.append((name, -1, 0, 0))
    return tuple(stamps)


@cache
def _fault(folder: Path, stamps: tuple[tuple[str, int, int, int], ...]) -> str | None:
    """Describe the first file in which record and seal disagree."""
    try:
        lines = (folder / SEAL).read_text(encoding="ascii").splitlines()
        found = [LINE.fullmatch(line) for line in lines]
        held = {match[2]: match[1] for match in found if match}
        if not lines or len(held) != len(lines) or HEAD not in held:
            return f"{SEAL} is damaged"
        for name, size, *_ in stamps:
            if name == SEAL or (size < 0 and name not in held):
                continue
            if size < 0:
                return f"{name} is missing, although the record was sealed with it"
            if name not in held:
                return f"{name} is not one of the files that the record was sealed with"
            if _digest(packed.contents(folder / name)) != held[name]:
                return f"{name} was changed since the record was sealed"
    except UnicodeDecodeError:
        return f"{SEAL} is damaged"
    except BenchError:
        return f"{name} was changed since the record was sealed"
    except OSError as error:
        return f"the files cannot be read ({error.strerror})"
    return None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
