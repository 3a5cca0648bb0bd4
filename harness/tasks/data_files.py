"""Image files of a folder or a zip behind one interface: sorted names, sizes, checksums and bytes."""

from __future__ import annotations

import os
import re
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.errors import BenchError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm", ".pgm", ".tif", ".tiff")


@dataclass(frozen=True)
class ImageFile:
    """One image file.

    name: its path inside the set.
    crc: the CRC-32 of its bytes.
    read: a function that returns its bytes.
    """

    name: str
    size: int
    crc: int
    read: Callable[[], bytes]


def list_images(path: str | Path) -> list[ImageFile]:
    """Return all images in a folder or zip, sorted by name; hidden files and folders are skipped.

    A folder and a zip of it give the same names, sizes and checksums. Links in a folder are followed. Names are UTF-8
    whatever the locale; slash and backslash both separate folders, and a leading "./", "/" or drive is dropped. Raises
    BenchError for a missing, damaged or encrypted file, for a file whose suffix is not that of an image, for a link
    that is broken, circular or in a zip, for a name that leads out of the set by "..", occurs twice or is not UTF-8,
    and if there are no images at all.
    """
    path = Path(path)
    if path.is_dir():
        found = _in_folder(path)
    elif path.is_file():
        found = _in_zip(path)
    else:
        raise BenchError(f"no file or folder {path}: name a zip or a folder of images")
    files: dict[str, ImageFile] = {}
    for file in found:
        if file.name in files:
            raise BenchError(f"{path} holds {file.name} twice: remove or rename one")
        files[file.name] = file
    if not files:
        raise BenchError(f"{path} contains no images: put {', '.join(SUFFIXES)} files in it, e.g. train/<class>/x.jpg")
    return sorted(files.values(), key=lambda file: file.name)


def _in_folder(root: Path) -> Iterator[ImageFile]:
    for path in _walk(root, ()):
        name = normalise_name(os.fsencode(path.relative_to(root)), root)
        if _is_image(name, root):
            if not path.is_file():  # a link without a target, or a pipe, from which reading would wait for ever
                raise BenchError(f"{name} in {root} is a broken link: repair or remove it")
            try:
                data = path.read_bytes()
            except OSError as error:
                raise BenchError(f"cannot read {path} ({error.strerror}): make it readable or remove it") from error
            yield ImageFile(name, len(data), zlib.crc32(data), path.read_bytes)


def _walk(folder: Path, above: tuple[str, ...]) -> Iterator[Path]:
    """Yield all files in `folder` except hidden ones, following links.

    above: the real paths of the folders that contain it.
    """
    real = os.path.realpath(folder)
    if real in above:
        raise BenchError(f"{folder} is a link to a folder that it lies in: remove the link")
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise BenchError(f"cannot read {folder} ({error.strerror}): make it readable or remove it") from error
    for path in paths:
        if path.is_dir() and not _is_hidden(path.name):
            yield from _walk(path, (*above, real))
        elif not path.is_dir():
            yield path


def _in_zip(path: Path) -> Iterator[ImageFile]:
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise BenchError(f"{path} is not a complete zip ({error}): copy it again or use a folder") from error
    for entry in archive.infolist():
        # Without its flag for UTF-8, zipfile has read the bytes of a name as code page 437.
        name = normalise_name(entry.orig_filename.encode("utf-8" if entry.flag_bits & 0x800 else "cp437"), path)
        if entry.orig_filename.endswith(("/", "\\")) or _is_hidden(name):
            continue
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise BenchError(f"{name} in {path} is a link: zip the file or folder that it leads to (zip without -y)")
        if _is_image(name, path):
            if entry.flag_bits & 1:
                raise BenchError(f"{name} in {path} is encrypted: unpack it and use the folder")
            yield ImageFile(name, entry.file_size, entry.CRC, partial(archive.read, entry))


def normalise_name(raw: bytes, where: str | Path) -> str:
    """Return the canonical spelling of a path inside the set, as `list_images` describes it."""
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        shown = raw.decode("ascii", "backslashreplace")
        raise BenchError(f"the name {shown} in {where} is not UTF-8: rename it") from error
    # macOS composes accents otherwise in zips than in folders.
    parts = unicodedata.normalize("NFC", name).replace("\\", "/").split("/")
    parts = [part for part in parts if part not in ("", ".")]
    if len(parts) > 1 and re.fullmatch("[A-Za-z]:", parts[0]):
        parts = parts[1:]
    if ".." in parts:
        raise BenchError(f"{name} in {where} leads out of the set by '..': rename or remove it")
    return "/".join(parts)


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def _is_image(name: str, where: Path) -> bool:
    """Return False for hidden files. Raises BenchError for any other file without the suffix of an image."""
    if _is_hidden(name):
        return False
    if not name.lower().endswith(SUFFIXES):
        raise BenchError(f"{name} in {where} is not an image ({', '.join(SUFFIXES)}): remove it")
    return True
