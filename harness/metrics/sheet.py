"""An image of samples, each above its nearest training image, small enough for git."""

from __future__ import annotations

import io

import numpy as np

from harness.metrics.neighbours import nearest

BYTES = 60_000
COLUMNS = 20
SIDE = 24  # pixels an image at least, by whole steps of enlarging
GAP = 2


def sheet(images: np.ndarray, train: np.ndarray) -> bytes:
    """Return a PNG of uint8 images [S, N, C, H, W]: two rows per seed, with samples above their nearest training
    images.

    Uses fewer columns, and large images at a half, a quarter and so on, until it fits into BYTES.
    """
    n_seeds, _, _, height, width = images.shape
    columns = min(COLUMNS, max(1, 3 * BYTES // (n_seeds * height * width)))
    images = images[:, :columns]
    flat = images.reshape(-1, *images.shape[2:])
    beside = train[nearest(flat, train)].reshape(images.shape)
    rows = np.stack([images, beside], 1).reshape(-1, *images.shape[1:])
    while len(png := encode(rows)) > BYTES:
        rows = rows[:, : rows.shape[1] * 3 // 4] if rows.shape[1] > 4 else rows[..., ::2, ::2]
    return png


def encode(rows: np.ndarray) -> bytes:
    """Return a PNG of uint8 images [R, N, C, H, W] on white, in which each odd row is close below an even one."""
    from PIL import Image

    scale = max(1, SIDE // rows.shape[-1])
    rows = rows.repeat(scale, -2).repeat(scale, -1)
    n_rows, n, channels, height, width = rows.shape
    tops = [r * (height + GAP) + (r // 2) * 2 * GAP for r in range(n_rows)]
    canvas = np.full((tops[-1] + height, n * (width + GAP) - GAP, channels), 255, np.uint8)
    for top, row in zip(tops, rows):
        for k, image in enumerate(row):
            left = k * (width + GAP)
            canvas[top : top + height, left : left + width] = image.transpose(1, 2, 0)
    picture = Image.fromarray(canvas.squeeze(2) if channels == 1 else canvas)
    buffer = io.BytesIO()
    (picture if channels == 1 else picture.quantize(128)).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
