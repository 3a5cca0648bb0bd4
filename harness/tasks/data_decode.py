"""Decode image files once, into one uint8 array in the scratch folder."""

from __future__ import annotations

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from harness.contracts import BenchError
from harness.files import aside
from harness.tasks.data_files import ImageFile

if TYPE_CHECKING:
    from PIL import Image

# Part of the cache's key: change it with whatever `decode` does to a picture.
DECODING = "upright, opaque, 8 bits, one picture; centre crop, Pillow Lanczos with antialiasing"
FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "PPM", "TIFF")  # by content, whatever the suffix says
PNG_DEPTH = 24  # the byte of a PNG file that holds the bits per channel
TIFF_DEPTHS = 258  # the tag of a TIFF file that lists the bits per channel
MAPPED_BYTES = 2**29  # larger arrays stay on the disk and are mapped
CHUNK = 512  # images between decoding and writing: bounds the memory
# Pillow decodes outside Python's lock, which pays for large images; at 32 pixels threads cost half as much again.
THREADED_FROM = 128


def decode_cached(files: list[ImageFile], size: int, scratch: str | Path, where: str) -> np.ndarray:
    """Return uint8 [N, 3, size, size] of the files in their order, stored as <scratch>/<key>.npy.

    The key hashes the files' names, sizes and checksums and the options, but no time stamp. The array is written
    atomically. Raises BenchError for a file that cannot be decoded and for a scratch folder that cannot be written.

    where: the path of the set, for messages.
    """
    described = repr([DECODING, size, [(file.name, file.size, file.crc) for file in files]])
    cached = Path(scratch) / f"{hashlib.sha256(described.encode()).hexdigest()[:16]}.npy"
    if not cached.exists():
        try:
            with aside(cached) as out:
                _write(out, files, size, where)
        except OSError as error:
            raise BenchError(
                f"cannot write {cached} ({error.strerror}): free some space or use another scratch folder"
            ) from error
    return _load(cached, (len(files), 3, size, size))


def _write(out: BinaryIO, files: list[ImageFile], size: int, where: str) -> None:
    header = {"descr": "|u1", "fortran_order": False, "shape": (len(files), 3, size, size)}
    with ThreadPoolExecutor() as pool:
        np.lib.format.write_array_header_1_0(out, header)
        each = pool.map if size >= THREADED_FROM else map
        for first in range(0, len(files), CHUNK):
            for image in each(lambda file: decode(file, size, where), files[first : first + CHUNK]):
                out.write(image)


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
    """Return uint8 [3, size, size]: RGB, cropped to the central square, resized by Lanczos without aliasing.

    Grey, palette and CMYK images become RGB. An image is rotated as its EXIF orientation says. An alpha channel is
    dropped if it is opaque throughout. If a JPEG file contains further images (a camera's preview or gain map), the
    first is used, which is the photograph. Raises BenchError, naming the file, if it is damaged or in none of FORMATS,
    or if it has more than 8 bits per channel, pixels that are not opaque (their colour is hidden, and no background is
    ours to choose), or several frames or pages.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        data = file.read()
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            fault = _fault(image, data)
            if not fault:
                ImageOps.exif_transpose(image, in_place=True)
                rgb = image.convert("RGB")
    except UnidentifiedImageError as error:
        raise BenchError(f"cannot decode {file.name} in {where} as any of {', '.join(FORMATS)}: remove it") from error
    except Exception as error:  # Pillow and zipfile raise many kinds for damaged bytes
        reason = " ".join(str(error).split())
        raise BenchError(f"cannot decode {file.name} in {where} ({reason}): repair or remove it") from error
    if fault:
        raise BenchError(f"{file.name} in {where} has {fault}")
    side = min(rgb.size)
    left, top = (rgb.width - side) // 2, (rgb.height - side) // 2
    if rgb.size != (size, size):
        rgb = rgb.crop((left, top, left + side, top + side)).resize((size, size), Image.Resampling.LANCZOS)
    return np.ascontiguousarray(np.asarray(rgb).transpose(2, 0, 1))


def _fault(image: Image.Image, data: bytes) -> str | None:
    """Return what 8-bit RGB cannot represent of an opened image, with the cure, or None if it is all there."""
    if _is_deep(image, data):
        return "more than 8 bits a channel: save it with 8"
    # The further pictures of a JPEG (format MPO) belong to the first one.
    if image.format != "MPO" and (frames := getattr(image, "n_frames", 1)) > 1:
        return f"{frames} frames or pages: save each as a file of its own"
    if image.has_transparency_data and image.convert("RGBA").getchannel("A").getextrema()[0] < 255:
        return "transparent pixels: put it on a background and save it without alpha"
    return None


def _is_deep(image: Image.Image, data: bytes) -> bool:
    """Whether the file has more than 8 bits per channel, which Pillow's mode does not show for colours."""
    if image.mode[0] in "IF":
        return True
    if image.format == "PNG":
        return data[PNG_DEPTH] > 8
    if image.format == "TIFF":
        return max(image.tag_v2.get(TIFF_DEPTHS, (1,))) > 8
    if image.format == "PPM":
        # The decoder's arguments are the mode, and the largest value where it is not plain bytes up to 255.
        args = image.tile[0].args
        return isinstance(args, tuple) and args[1] > 255
    return False
