"""Read all records of a project into one frame with a row for each number, for a notebook or a script."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from harness.errors import BenchError
from harness.report.records.frame import CellFrame, read
from harness.store import ARCHIVE, HEAD, RECORDS

OURS = Path(__file__).resolve().parents[3]
SCORES = ("task", "cell", "method", "seed", "step", "metric", "value", "preset", "manifest")
CURVES = ("task", "cell", "method", "seed", "step", "log", "value", "preset")


def scores(root: Path | str | None = None) -> pd.DataFrame:
    """Return rows with the columns SCORES; see `harness.scores`."""
    parts = []
    for cell in cells(root):
        rows = cell.scores.assign(cell=cell.name, **_named(cell))
        names = {metric: block["manifest"] or "" for metric, block in cell.head["metrics"].items()}
        parts.append(rows.assign(manifest=rows.metric.map(names).fillna("")))
    return _joined(parts, SCORES)


def curves(root: Path | str | None = None) -> pd.DataFrame:
    """Return rows with the columns CURVES; see `harness.curves`."""
    parts = []
    for cell in cells(root):
        if cell.curves is not None:
            rows = cell.curves.melt(["seed", "step"], var_name="log").dropna(subset=["value"])
            parts.append(rows.assign(task=cell.task, cell=cell.name, **_named(cell)))
    return _joined(parts, CURVES)


def cells(root: Path | str | None = None) -> Iterator[CellFrame]:
    """Yield every record, the live ones first. Raises BenchError if there is none."""
    root = Path(root) if root is not None else OURS
    found = [*sorted(root.glob(f"{RECORDS}/*/*/{HEAD}")), *sorted(root.glob(f"{ARCHIVE}/*/*/*/{HEAD}"))]
    if not found:
        raise BenchError(f"{root} has no records: name the project's folder, as in harness.scores(root='vdb-bench')")
    for path in found:
        *_, task, name, _ = path.parts
        yield read(path.parents[2], CellFrame(task, name, name, name))


def _named(cell: CellFrame) -> dict[str, str]:
    return {"method": cell.head["method"], "preset": cell.head["preset"]}


def _joined(parts: list[pd.DataFrame], columns: tuple[str, ...]) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True)[list(columns)]
