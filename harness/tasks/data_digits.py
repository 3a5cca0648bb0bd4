"""The 1,797 handwritten digits that come with scikit-learn, at their native 8x8.

Their file is read from the package directly, because importing scikit-learn would delay the start of a cell by three
seconds.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from harness.contracts import BenchError
from harness.tasks.pixels import Pixels, hold_out

N_TEST = 597
FILE = "datasets/data/digits.csv.gz"


def digits() -> Pixels:
    """Return uint8 [1200, 1, 8, 8] to train on and [597, 1, 8, 8] to test on, by the permutation of `hold_out`.

    Each row of the source has 64 counts of ink in 0..16 and the label; a count v becomes round(255 v / 16). Raises
    BenchError without scikit-learn.
    """
    package = find_spec("sklearn")
    if package is None:
        raise BenchError("the digits are a file of scikit-learn, which is not installed: pip install scikit-learn")
    rows = np.loadtxt(Path(package.origin).parent / FILE, delimiter=",")
    images = np.rint(rows[:, :-1].reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)[:, None]
    labels = rows[:, -1].astype(np.int64)
    train, test = hold_out(len(images), N_TEST)
    return Pixels(images[train], labels[train], images[test], labels[test], tuple(str(k) for k in range(10)))
