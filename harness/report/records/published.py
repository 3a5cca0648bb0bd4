"""What the paper printed: the numbers of its tables, and the points read off its figures."""

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


ACCURACY = {2: 0.03, 4: 0.15, 8: 1.0}  # of what was read by eye from a figure: D(x), rad, FID


@cache
def read_off(figure: int) -> dict[str, pd.Series]:
    """Curve name -> y indexed by x, read by eye from the camera-ready figure of that number.

    Figure 2: D(x) per I_c. Figure 8: FID per method and iteration. A figure of several tasks is read by `read_off_of`.
    """
    data = _data()
    return _curves(data[data.figure == figure])


@cache
def read_off_of(task: str) -> ReadOff | None:
    """The published learning curves of a task of published.csv; None where none were drawn.

    Figure 4: the error of joint rotations (rad) of three skills against the samples.
    """
    rows = _data()
    rows = rows[(rows.task == task) & (rows.figure != FIGURE_2)]
    if rows.empty:
        return None
    (figure,) = rows.figure.unique()
    return ReadOff(int(figure), _curves(rows), ACCURACY[int(figure)])


def load_published(path: Path) -> pd.DataFrame | None:
    """published.csv with its numbers as printed (text, '' where none); None without the file.

    Raises BenchError for a file that is no such table.
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
