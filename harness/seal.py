"""The seal of a record: SHA256SUMS beside it has the hash of every other file, as `sha256sum -c` reads it too.

record.json goes first when a cell is written again and comes last, so where it stands the others are whole; and the
seal tells when one of them has been changed, exchanged or lost since. It stands beside record.json and not in it, as it
covers provenance.json too: what DVC and `bench reproduce` compare has nothing in it that differs between equal runs.
Hence the seal is no output of a stage, and .dvcignore names it.

It is against accidents and careless edits, not against forgers: who can write a record can seal it. `bench verify`
trains again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from harness.errors import BenchError
from harness.files import cannot_write, write_bytes
from harness.store import FILES, HEAD, SEAL, CellName, command_of

LINE = re.compile(r"([0-9a-f]{64})  ([^/\0\n]+)")


def write(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write a record, {name: content} with record.json among them, and take away what an earlier one had besides.

    Raises BenchError where the folder cannot be written; a record that was there before is gone then.
    """
    try:
        for name in (HEAD, *(FILES - contents.keys())):
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(folder / HEAD, error) from None
    whole = with_seal(contents)
    for name in sorted(whole, key=lambda name: (name == HEAD, name == SEAL)):
        write_bytes(folder / name, whole[name])


def with_seal(contents: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of a record with their seal; one that is there already stays."""
    lines = [f"{_digest(content)}  {name}\n" for name, content in sorted(contents.items()) if name in FILES]
    return {SEAL: "".join(lines).encode(), **contents}


def has_seal(folder: Path) -> bool:
    """Whether a record has a seal; those of the schemas 1 and 2 may have none."""
    return (folder / SEAL).is_file()


def check(folder: Path, names: Iterable[str] = FILES) -> None:
    """Hold the files `names` of a record against its seal, once in a process as long as they do not change.

    Raises BenchError with cell, file and cure in one line. Says nothing of a record without a seal.
    """
    if has_seal(folder) and (fault := _fault(folder, _stamps(folder, {*names, SEAL}))):
        cell = CellName(folder.parent.name, folder.name)
        raise BenchError(f"{cell}: {fault}: restore the record, e.g. with git, or run `{command_of(folder)}`")


def _stamps(folder: Path, names: Iterable[str]) -> tuple[tuple[str, int, int, int], ...]:
    """What tells that a file is not the one read before: name, size, time and number; (name, -1, 0, 0) for none."""
    stamps = []
    for name in sorted(names):
        try:
            found = (folder / name).stat()
            stamps.append((name, found.st_size, found.st_mtime_ns, found.st_ino))
        except OSError:
            stamps.append((name, -1, 0, 0))
    return tuple(stamps)


@cache
def _fault(folder: Path, stamps: tuple[tuple[str, int, int, int], ...]) -> str | None:
    """The first file in which record and seal differ, in words."""
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
            if _digest((folder / name).read_bytes()) != held[name]:
                return f"{name} was changed since the record was sealed"
    except UnicodeDecodeError:
        return f"{SEAL} is damaged"
    except OSError as error:
        return f"the files cannot be read ({error.strerror})"
    return None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
