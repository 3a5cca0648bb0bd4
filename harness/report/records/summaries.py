"""Write and read the summaries on disk: `bench evaluate` writes them, and the page reads them.

Each row has a source, a digest of the files and settings that its cell's numbers follow from. So a summary that is
older than the records is detected, and numbers are read back exactly as they were computed.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from harness.errors import BenchError
from harness.files import write_text
from harness.remembered import Remembered, digest
from harness.report.records import code
from harness.report.records.aggregate import COLUMNS, metrics_of, summarise
from harness.report.records.frame import CellFrame, TaskFrame, load

FOLDER, METRICS = Path("results/summary"), Path("results/metrics")
SOURCE = "source"
WORDS = ("task", "cell", "ablation", "parameter", "metric", "status", "compared_with", SOURCE)
DIGITS = 16  # hexadecimal digits of a digest


def write_summaries(root: Path, params: dict[str, Any]) -> list[str]:
    """Write results/summary/<task>.csv, at full precision, and results/metrics/<task>/<method>.json, for DVC's metrics.

    Files of tasks and methods that no longer exist are removed. DVC leaves the folders as they are, so a run that is
    stopped loses nothing. Returns a line for each cell whose record cannot be read.
    """
    frames = load(root, params)
    kept: set[Path] = set()
    with Remembered(root, "summaries", most=100) as before:
        for frame in frames.values():
            files = before.get(_state(frame), partial(_files, frame))
            for path, text in files.items():
                write_text(root / path, text)
            kept |= {root / path for path in files}
    ours = (f"{FOLDER}/*.csv", f"{FOLDER}/*.json", f"{METRICS}/*/*.json")
    for path in {path for pattern in ours for path in root.glob(pattern)} - kept:
        path.unlink()
    return [f"{cell}: {cell.status}" for frame in frames.values() for cell in frame.unreadable]


def _state(frame: TaskFrame) -> str:
    """Return a digest of all that the summary of a task follows from."""
    return digest(code.state().encode(), repr(frame).encode(), repr(_sources(frame)).encode())


def _files(frame: TaskFrame) -> dict[str, str]:
    """Return the content of each file of a task by its path."""
    table, sources = summarise(frame), _sources(frame)
    whole = table.assign(**{SOURCE: [sources[key] for key in zip(table.ablation, table.cell, strict=True)]})
    files = {str(FOLDER / f"{frame.name}.csv"): to_text(whole)}
    for method, numbers in metrics_of(table).items():
        files[str(METRICS / frame.name / f"{method}.json")] = json.dumps(numbers, allow_nan=False) + "\n"
    return files


def read_summary(root: Path, frame: TaskFrame) -> pd.DataFrame:
    """Read what `write_summaries` wrote for this frame, as `summarise` made it.

    Raises BenchError if there is no summary, or if it was made from other records or settings.
    """
    path = root / FOLDER / f"{frame.name}.csv"
    cure = "run `bench evaluate`"
    if not path.is_file():
        raise BenchError(f"{path} is missing: {cure}")
    try:
        table = from_text(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise BenchError(f"{path} cannot be read ({' '.join(str(error).split())[:200]}): {cure}") from None
    if list(table.columns) != [*COLUMNS, SOURCE]:
        raise BenchError(f"{path} was written by another version: {cure}")
    found = dict(zip(zip(table.ablation, table.cell, strict=True), table[SOURCE], strict=True))
    wanted = _sources(frame)
    if changed := [cell for (_, cell), digest in wanted.items() if found.get((_, cell)) != digest]:
        raise BenchError(f"{path} is older than the record of {changed[0]}: {cure}")
    if list(found) != list(wanted):
        raise BenchError(f"{path} does not have the cells of the parameters: {cure}")
    return table[COLUMNS]


def to_text(table: pd.DataFrame) -> str:
    """Return a summary as CSV at full precision."""
    return table.to_csv(index=False, lineterminator="\n")


def from_text(text: str) -> pd.DataFrame:
    """Return the summary that `to_text` wrote. Raises ValueError for what cannot be read."""
    table = pd.read_csv(
        io.StringIO(text),
        dtype=dict.fromkeys(WORDS, str),
        keep_default_na=False,
        na_values={column: [""] for column in [*COLUMNS, SOURCE]},
    )
    return table.assign(ablation=table.ablation.fillna("")) if "ablation" in table else table


def _sources(frame: TaskFrame) -> dict[tuple[str, str], str]:
    """Return the digest of each (ablation or '', cell), in the order of the summary's rows."""
    return {(ablation, cell.name): _digest(cell, against) for ablation, cell, against in _compared(frame)}


def _compared(frame: TaskFrame) -> Iterator[tuple[str, CellFrame, str | None]]:
    """Yield the ablation ('' for none), the cell, and the name of the cell that it is compared with, for every cell."""
    yield from (("", cell, frame.baseline) for cell in frame.cells)
    for swept in frame.ablations:
        yield from ((swept.name, cell, swept.reference) for cell in swept.cells)


def _digest(cell: CellFrame, against: str | None) -> str:
    made = hashlib.sha256(repr((against, cell.rewards, cell.named if cell.rewards else ())).encode())
    for path in (cell.folder / "record.json", cell.folder / "scores.csv") if cell.folder else ():
        made.update(hashlib.sha256(path.read_bytes() if path.is_file() else b"").digest())
    return made.hexdigest()[:DIGITS]
