"""What a picture's file says beside 8-bit RGB: depth, transparency, frames, orientation."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from harness.contracts import BenchError
from harness.tasks import images
from harness.tasks.tests.made import encoded, noise, write_folder

ORIENTATION = 0x112
# Pixels as a camera stores them, from the picture as it is to be seen, for each value of EXIF's orientation.
STORED = {
    1: lambda seen: seen,
    2: lambda seen: seen[:, ::-1],
    3: lambda seen: seen[::-1, ::-1],
    4: lambda seen: seen[::-1],
    5: lambda seen: seen.swapaxes(0, 1),
    6: lambda seen: np.rot90(seen, 1),
    7: lambda seen: np.rot90(seen, 2).swapaxes(0, 1),
    8: lambda seen: np.rot90(seen, -1),
}


def build(folder, files):
    """The task over `files` as its training images."""
    write_folder(folder, {f"train/{name}": data for name, data in files.items()} | {"test/0.png": encoded(noise(99))})
    params = images.Params(
        family="images", data="folder", root=str(folder), size=32, seeds=(0,), steps=1, score={"encoder": "vdb-legacy"}
    )
    return images.build("task", params, folder / ".scratch")


def png(values, colour, bits=16):
    """A PNG of `values` [H, W, channels] in 16 bits, which Pillow does not write in colours."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">2I5B", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def tiff(values):
    """A TIFF of `values` [H, W, 3] in 16 bits, which Pillow does not write."""
    height, width = values.shape[:2]
    start = 8 + 2 + 12 * 9 + 4
    tags = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 3, start),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (273, 4, 1, start + 6),
        (277, 3, 1, 3),
        (278, 4, 1, height),
        (279, 4, 1, values.size * 2),
    ]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    return b"II*\0" + struct.pack("<I", 8) + directory + struct.pack("<3H", 16, 16, 16) + values.astype("<u2").tobytes()


DEEP = noise(0).astype(np.uint16) * 257
GREY = DEEP[:, :, :1]
FRAMES = [Image.fromarray(noise(k)) for k in (0, 1)]
SEVERAL = {"save_all": True, "append_images": FRAMES[1:]}
HIDDEN = np.dstack([noise(0), np.full((32, 32), 255, np.uint8)])
HIDDEN[5, 7, 3] = 254
INK = Image.new("P", (32, 32), 1)
INK.putpalette([0, 0, 0, 255, 0, 255])

REFUSED = {
    "rgb16.png": (png(DEEP, 2), "more than 8 bits"),
    "rgba16.png": (png(np.dstack([DEEP, GREY]), 6), "more than 8 bits"),
    "la16.png": (png(np.dstack([GREY, GREY]), 4), "more than 8 bits"),
    "grey16.png": (png(GREY, 0), "more than 8 bits"),
    "rgb16.ppm": (b"P6 32 32 65535\n" + DEEP.astype(">u2").tobytes(), "more than 8 bits"),
    "rgb10.ppm": (b"P6 32 32 1023\n" + (DEEP % 1024).astype(">u2").tobytes(), "more than 8 bits"),
    "plain10.ppm": (b"P3 1 1 1023\n5 6 7\n", "more than 8 bits"),
    "grey16.pgm": (b"P5 32 32 65535\n" + GREY.astype(">u2").tobytes(), "more than 8 bits"),
    "rgb16.tif": (tiff(DEEP), "more than 8 bits"),
    "grey16.tif": (encoded(DEEP[:, :, 0], "TIFF"), "more than 8 bits"),
    "float.tif": (encoded(noise(0)[:, :, 0].astype(np.float32), "TIFF"), "more than 8 bits"),
    "rgba.png": (encoded(HIDDEN), "transparent pixels"),
    "rgba.webp": (encoded(HIDDEN, "WEBP", lossless=True), "transparent pixels"),
    "rgba.tif": (encoded(HIDDEN, "TIFF"), "transparent pixels"),
    "ink.png": (encoded(INK, transparency=1), "transparent pixels"),
    "key.png": (encoded(np.full((32, 32, 3), 7, np.uint8), transparency=(7, 7, 7)), "transparent pixels"),
    "moving.png": (encoded(FRAMES[0], **SEVERAL), "2 frames or pages"),
    "moving.webp": (encoded(FRAMES[0], "WEBP", lossless=True, **SEVERAL), "2 frames or pages"),
    "pages.tif": (encoded(FRAMES[0], "TIFF", **SEVERAL), "2 frames or pages"),
    "gif.png": (encoded(FRAMES[0], "GIF"), "as any of JPEG, PNG"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_eight_bit_rgb_cannot_show_is_refused(tmp_path, name):
    data, line = REFUSED[name]
    with pytest.raises(BenchError, match=f"train/{name} in .*{line}") as caught:
        build(tmp_path, {name: data})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", ["PNG", "WEBP", "TIFF"])
def test_opaque_alpha_is_dropped(tmp_path, suffix):
    opaque = np.dstack([noise(0), np.full((32, 32), 255, np.uint8)])
    options = {"lossless": True} if suffix == "WEBP" else {}
    task = build(tmp_path, {f"0.{suffix.lower()}": encoded(opaque, suffix, **options)})
    np.testing.assert_array_equal(task.train_images[0], noise(0).transpose(2, 0, 1))


def test_depths_below_eight_bits_are_read(tmp_path):
    bits = noise(0)[:, :, 0] > 127
    plain = b"P6 32 32 15\n" + (noise(0) // 17).tobytes()
    task = build(tmp_path, {"0.png": encoded(Image.fromarray(bits)), "1.ppm": plain})
    np.testing.assert_array_equal(task.train_images[0], [bits * 255] * 3)
    np.testing.assert_array_equal(task.train_images[1], (noise(0) // 17 * 17).transpose(2, 0, 1))


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("suffix", ["PNG", "TIFF", "WEBP"])
def test_pictures_are_turned_upright(tmp_path, orientation, suffix):
    seen = noise(0, height=32, width=40)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    options = {"lossless": True} if suffix == "WEBP" else {}
    data = encoded(np.ascontiguousarray(STORED[orientation](seen)), suffix, exif=exif, **options)
    task = build(tmp_path, {f"0.{suffix.lower()}": data})
    np.testing.assert_array_equal(task.train_images[0], seen[:, 4:36].transpose(2, 0, 1))


def test_a_photograph_with_a_preview_is_the_photograph_upright(tmp_path):
    stored = np.full((32, 32, 3), 20, np.uint8)
    stored[:16] = 200
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # the stored top is the right-hand side
    files = {
        "0.jpg": encoded(stored, "JPEG", quality=95, exif=exif),
        "1.jpg": encoded(stored, "MPO", quality=95, exif=exif, save_all=True, append_images=[FRAMES[0]]),
    }
    seen = stored[:, :, 0].T[:, ::-1]
    assert seen[0, 0] == 20 and seen[0, 31] == 200
    for image in build(tmp_path, files).train_images:
        assert np.abs(image.astype(int) - seen).max() <= 2


def test_arrays_decoded_by_other_rules_are_not_taken_from_the_cache(tmp_path, monkeypatch):
    build(tmp_path, {"0.png": encoded(noise(0))})
    before = set((tmp_path / ".scratch").iterdir())
    monkeypatch.setattr("harness.tasks.data_decode.DECODING", "other rules")
    build(tmp_path, {"0.png": encoded(noise(0))})
    assert len(before) == 2 and len(set((tmp_path / ".scratch").iterdir()) - before) == 2
