"""Read and write tables of a record that may be compressed: panels.csv.xz for panels.csv, in the archive.

The seal of a record covers the content of the tables, so compression changes neither a record nor its seal. Before
`sha256sum -c` they must be unpacked by `xz -dk *.xz`.
"""

from __future__ import annotations

import lzma
from collections.abc import Mapping
from pathlib import Path

from harness.errors import BenchError
from harness.files import read_bytes
from harness.store import CURVES, PANELS

SUFFIX = ".xz"
LARGE = frozenset((CURVES, PANELS))  # scores have only a few kilobytes, so they stay uncompressed
FORMS = {name + SUFFIX: name for name in sorted(LARGE)}  # the name of a compressed file -> that of its table


def standing(path: Path) -> Path:
    """Return the compressed form of a large table if only that exists, or else `path`."""
    other = path.with_name(path.name + SUFFIX)
    return other if path.name in LARGE and other.exists() and not path.exists() else path


def contents(path: Path) -> bytes:
    """Return the content of a file of a record in either form.

    Raises BenchError if a file with the compressed suffix is not compressed, and OSError as the system does.
    """
    found = standing(path)
    return _table(found, read_bytes(found)) if found.name in FORMS else read_bytes(found)


def packed(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return {name: content} of a record with its large tables compressed."""
    tables = {name + SUFFIX: lzma.compress(content, preset=9) for name, content in files.items() if name in LARGE}
    return {name: content for name, content in files.items() if name not in LARGE} | tables


def unpacked(files: Mapping[Path, bytes]) -> dict[str, bytes]:
    """Return {name: content} of a record as it was made, from {path: content} in either form; raises as `contents`."""
    return {
        FORMS.get(path.name, path.name): _table(path, content) if path.name in FORMS else content
        for path, content in files.items()
    }


def _table(path: Path, content: bytes) -> bytes:
    try:
        return lzma.decompress(content)
    except (lzma.LZMAError, EOFError):
        raise BenchError(f"{path} is damaged: restore it, e.g. with git") from None
