"""What the paper printed: the numbers of its tables, and the points read off its figures."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd

from harness.errors import BenchError

FIGURE_2, FIGURE_8 = 2, 8
COLUMNS = ("domain", "task", "method", "metric", "mean", "std", "n_seeds", "higher_is_better", "source")


@cache
def read_off(figure: int) -> dict[str, pd.Series]:
    """Curve name -> y indexed by x, read by eye from the camera-ready figure of that number.

    Figure 2: D(x) per I_c, good to 0.03. Figure 8: FID per method and iteration, good to 1.
    """
    data = pd.read_csv(Path(__file__).with_name("read_off.csv"), dtype={"curve": str})
    rows = data[data.figure == figure]
    return {name: part.set_index("x").y for name, part in rows.groupby("curve", sort=False)}


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
