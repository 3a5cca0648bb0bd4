"""Image files of a folder or a zip behind one interface: sorted names, sizes, checksums, bytes."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.contracts import BenchError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm", ".pgm", ".tif", ".tiff")


@dataclass(frozen=True)
class ImageFile:
    """One file. name: its path inside the set; crc: CRC-32 of its bytes; read() returns them."""

    name: str
    size: int
    crc: int
    read: Callable[[], bytes]


def list_images(path: str | Path) -> list[ImageFile]:
    """All images below a folder or in a zip, sorted by name; hidden files and folders are passed over.

    A folder and a zip of it give the same names, sizes and checksums.
    Raises BenchError for a missing, damaged or encrypted file, for a file that is no image by its
    suffix, and where there is no image at all.
    """
    path = Path(path)
    if path.is_dir():
        files = _in_folder(path)
    elif path.is_file():
        files = _in_zip(path)
    else:
        raise BenchError(f"no file or folder {path}: give a zip or a folder of images")
    if not files:
        raise BenchError(f"{path} holds no image: put {', '.join(SUFFIXES)} files in it, e.g. train/<class>/x.jpg")
    return sorted(files, key=lambda file: file.name)


def _in_folder(root: Path) -> list[ImageFile]:
    files = []
    for path in root.rglob("*"):
        name = path.relative_to(root).as_posix()
        if not path.is_dir() and _is_image(name, root):
            try:
                data = path.read_bytes()
            except OSError as error:
                raise BenchError(f"cannot read {path} ({error.strerror}): mend or remove it") from error
            files.append(ImageFile(name, len(data), zlib.crc32(data), path.read_bytes))
    return files


def _in_zip(path: Path) -> list[ImageFile]:
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise BenchError(f"{path} is no complete zip ({error}): copy it again or give a folder") from error
    files = []
    for entry in archive.infolist():
        if not entry.is_dir() and _is_image(entry.filename, path):
            if entry.flag_bits & 1:
                raise BenchError(f"{entry.filename} in {path} is encrypted: unpack it and give the folder")
            files.append(ImageFile(entry.filename, entry.file_size, entry.CRC, partial(archive.read, entry)))
    return files


def _is_image(name: str, where: Path) -> bool:
    """False for hidden files; raises BenchError for any other file without an image's suffix."""
    if any(part.startswith(".") or part == "__MACOSX" for part in name.split("/")):
        return False
    if not name.lower().endswith(SUFFIXES):
        raise BenchError(f"{name} in {where} is no image ({', '.join(SUFFIXES)}): remove it")
    return True
