"""Image files -> one uint8 array in the scratch folder, decoded once."""

from __future__ import annotations

import hashlib
import io
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from harness.contracts import BenchError
from harness.tasks.data_files import ImageFile

RESIZE = "centre crop, Pillow Lanczos with antialiasing"  # part of the cache's key and of a manifest
MAPPED_BYTES = 2**29  # larger arrays stay on the disk and are mapped
CHUNK = 512  # images between decoding and writing: bounds the memory
# Pillow decodes outside Python's lock, which pays for large images; at 32 pixels threads cost half as much again.
THREADED_FROM = 128


def decode_cached(files: list[ImageFile], size: int, scratch: str | Path, where: str) -> np.ndarray:
    """uint8 [N, 3, size, size] of the files in their order, kept as <scratch>/<key>.npy.

    The key hashes names, sizes and checksums of the files with the options, and no time stamp.
    where: the set's path, for messages. The file is written aside, synced, renamed.
    Raises BenchError for a file that cannot be decoded and for a scratch folder that cannot be written.
    """
    described = repr([RESIZE, size, [(file.name, file.size, file.crc) for file in files]])
    cached = Path(scratch) / f"{hashlib.sha256(described.encode()).hexdigest()[:16]}.npy"
    if not cached.exists():
        aside = cached.with_name(f"{cached.name}.{os.getpid()}")
        try:
            cached.parent.mkdir(parents=True, exist_ok=True)
            _write(aside, files, size, where)
            os.replace(aside, cached)
        except OSError as error:
            raise BenchError(f"cannot write {cached} ({error.strerror}): free space or give another scratch") from error
        finally:
            if aside.exists():
                aside.unlink()
    return _load(cached, (len(files), 3, size, size))


def _write(path: Path, files: list[ImageFile], size: int, where: str) -> None:
    header = {"descr": "|u1", "fortran_order": False, "shape": (len(files), 3, size, size)}
    with open(path, "wb") as out, ThreadPoolExecutor() as pool:
        np.lib.format.write_array_header_1_0(out, header)
        each = pool.map if size >= THREADED_FROM else map
        for first in range(0, len(files), CHUNK):
            for image in each(lambda file: decode(file, size, where), files[first : first + CHUNK]):
                out.write(image)
        out.flush()
        os.fsync(out.fileno())


def _load(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    # Copy on write: torch wants a writable array, the file stays as it is.
    mode = "c" if np.prod(shape, dtype=int) > MAPPED_BYTES else None
    try:
        array = np.load(path, mmap_mode=mode)
    except (OSError, ValueError, EOFError) as error:
        raise BenchError(f"cannot read the decoded images {path} ({error}): delete that file") from error
    if array.shape != shape or array.dtype != np.uint8:
        raise BenchError(f"{path} does not hold the decoded images: delete that file")
    return array


def decode(file: ImageFile, size: int, where: str = "") -> np.ndarray:
    """uint8 [3, size, size]: RGB, centre crop to a square, Lanczos over the true support, so no aliasing.

    Raises BenchError, naming the file, if it is damaged or has more than 8 bits a channel.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(file.read())) as image:
            mode = image.mode
            rgb = image.convert("RGB")
    except Exception as error:  # Pillow and zipfile raise many kinds for damaged bytes
        raise BenchError(f"cannot decode {file.name} in {where}: mend or remove it") from error
    if mode.startswith(("I", "F")):
        raise BenchError(f"{file.name} in {where} has more than 8 bits a channel ({mode}): save it with 8")
    side = min(rgb.size)
    left, top = (rgb.width - side) // 2, (rgb.height - side) // 2
    if rgb.size != (size, size):
        rgb = rgb.crop((left, top, left + side, top + side)).resize((size, size), Image.Resampling.LANCZOS)
    return np.ascontiguousarray(np.asarray(rgb).transpose(2, 0, 1))
