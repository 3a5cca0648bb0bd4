"""Read the scores of runs made elsewhere from a CSV with the columns of a record's scores, and check every row."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path

import pandas as pd

from harness.errors import BenchError
from harness.report.records.frame import SCORE_COLUMNS


def read_scores(path: Path) -> pd.DataFrame:
    """Read the rows of a CSV and check each of them. Raises BenchError that names the line of the first invalid one."""
    words = _rows(path)
    rows = pd.DataFrame({column: _column(path, words[column], column) for column in SCORE_COLUMNS}).drop_duplicates()
    same = ["task", "method", "seed", "step", "metric"]
    if (twice := rows[rows.duplicated(same)]).size:
        first = twice.iloc[0]
        raise BenchError(
            f"{path}, line {twice.index[0]}: {first.task}/{first.method}, seed {first.seed}, step {first.step}: "
            f"{first.metric} occurs twice with different values"
        )
    for (task, method, metric), part in rows.groupby(["task", "method", "metric"], sort=False):
        ends = part.groupby("seed").step.max()
        if ends.nunique() > 1:
            raise BenchError(
                f"{path}: {task}/{method}: {metric} ends at step {ends.max()} for seed {ends.idxmax()} "
                f"and at {ends.min()} for seed {ends.idxmin()}"
            )
    return rows


def _rows(path: Path) -> pd.DataFrame:
    """Read the columns of a CSV as text, so that a method may be called 'None', and index them by line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            head = next(reader, [])
            found = {reader.line_num: row for row in reader if row}  # noqa: B035 - the number moves on with the reader
    except FileNotFoundError:
        raise BenchError(f"{path} is missing") from None
    except (csv.Error, ValueError, OSError) as error:
        raise BenchError(f"{path} is not a readable CSV: {' '.join(str(error).split())}") from None
    if odd := [column for column in SCORE_COLUMNS if head.count(column) != 1]:
        what = "is missing" if odd[0] not in head else "occurs twice"
        raise BenchError(f"{path}: column {odd[0]} {what}; the columns are {', '.join(SCORE_COLUMNS)}")
    for line, row in found.items():
        if len(row) != len(head):
            raise BenchError(f"{path}, line {line}: must have {len(head)} values, one for each column, got {len(row)}")
    if not found:
        raise BenchError(f"{path} has no rows")
    return pd.DataFrame.from_dict(found, orient="index", columns=head, dtype=str)


def _column(path: Path, words: pd.Series, column: str) -> pd.Series:
    """Convert one column by its kind: names, non-negative integers (seed, step) or finite numbers (value)."""
    read, needed = READERS[column]
    values = [read(word) for word in words]
    for line, word, value in zip(words.index, words, values, strict=True):
        if value is None:
            raise BenchError(f"{path}, line {line}: {column} must be {needed}, got {word!a}")
    return pd.Series(values, words.index)


def _name(word: str) -> str | None:
    return word if word and word == " ".join(word.split()) and word.isprintable() else None


def _whole(word: str) -> int | None:
    return int(float(word)) if re.fullmatch(r" *[0-9]{1,15}(\.0*)? *", word) else None


def _finite(word: str) -> float | None:
    try:
        value = float(word.replace("_", "?"))  # Python would read 1_0 as ten
    except ValueError:
        return None
    return value if math.isfinite(value) else None


NAMED = _name, "a name without spaces around it"
READERS = {
    "task": NAMED,
    "method": NAMED,
    "metric": NAMED,
    "seed": (_whole, "a non-negative integer"),
    "step": (_whole, "a non-negative integer"),
    "value": (_finite, "a finite number (the floor score for a failed run)"),
}
