"""Small pictures and sets of them, made where a test needs them."""

import io
import zipfile

import numpy as np
from PIL import Image


def encoded(pixels, suffix="PNG", **options):
    """The bytes of a file with `pixels`, an array or a picture of Pillow's."""
    out = io.BytesIO()
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    picture.save(out, suffix, **options)
    return out.getvalue()


def noise(k, height=32, width=32):
    return np.random.RandomState(k).randint(0, 256, (height, width, 3)).astype(np.uint8)


def write_zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def write_folder(path, files):
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path
