"""The 1,797 handwritten digits that ship with scikit-learn, at their native 8x8."""

from __future__ import annotations

import numpy as np

from harness.tasks.pixels import Pixels, hold_out

N_TEST = 597


def digits() -> Pixels:
    """uint8 [1200, 1, 8, 8] to train on and [597, 1, 8, 8] held out, by the permutation of `hold_out`.

    The source counts ink in 0..16; v becomes round(255 v / 16).
    """
    from sklearn.datasets import load_digits

    source = load_digits()
    images = np.rint(source.images * (255 / 16)).astype(np.uint8)[:, None]
    labels = source.target.astype(np.int64)
    train, test = hold_out(len(images), N_TEST)
    return Pixels(images[train], labels[train], images[test], labels[test], tuple(str(k) for k in range(10)))
