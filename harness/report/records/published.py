"""Read what the paper printed: the numbers in its tables, and the points read off its figures."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from harness.errors import BenchError

FIGURE_2, FIGURE_8 = 2, 8
COLUMNS = ("domain", "task", "method", "metric", "mean", "std", "n_seeds", "higher_is_better", "source")


class ReadOff(NamedTuple):
    """The curves of one published figure for one task: y indexed by x (training steps or samples), by method."""

    figure: int
    curves: dict[str, pd.Series]
    accuracy: float


ACCURACY = {2: 0.03, 4: 0.15, 8: 1.0}  # figure -> the accuracy of points read by eye: D(x), rad, FID


@cache
def read_off(figure: int) -> dict[str, pd.Series]:
    """Return the curves of one figure, each as y indexed by x, by name; read by eye from the camera-ready paper.

    Figure 2 has D(x) for each I_c, figure 8 the FID for each method and iteration. For a figure of several tasks see
    `read_off_of`.

    figure: the number of the figure.
    """
    data = _data()
    return _curves(data[data.figure == figure])


@cache
def read_off_of(task: str) -> ReadOff | None:
    """Return the published learning curves of a task of published.csv; None if the paper has none.

    Figure 4 has the error of joint rotations (rad) of three skills against the number of samples.
    """
    rows = _data()
    rows = rows[(rows.task == task) & (rows.figure != FIGURE_2)]
    if rows.empty:
        return None
    (figure,) = rows.figure.unique()
    return ReadOff(int(figure), _curves(rows), ACCURACY[int(figure)])


def load_published(path: Path) -> pd.DataFrame | None:
    """Read published.csv with its numbers as printed: as text, '' for none. Returns None if the file does not exist.

    Raises BenchError for a file that is not such a table.
    """
    if not path.is_file():
        return None
    try:
        found = pd.read_csv(path, dtype=str, keep_default_na=False)
    except ValueError as error:
        raise BenchError(f"{path} cannot be read ({' '.join(str(error).split())}): restore it, e.g. with git") from None
    if absent := [column for column in COLUMNS if column not in found]:
        raise BenchError(f"{path} has no column {', '.join(absent)}: restore it, e.g. with git")
    return found


def _data() -> pd.DataFrame:
    return pd.read_csv(Path(__file__).with_name("read_off.csv"), dtype={"curve": str})


def _curves(rows: pd.DataFrame) -> dict[str, pd.Series]:
    return {name: part.set_index("x").y for name, part in rows.groupby("curve", sort=False)}
