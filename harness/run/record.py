"""The record of a cell: small text files that every later step reads. See `Record` for their contents."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harness.files import write_bytes

SCHEMA = 1


@dataclass
class Record:
    """head: record.json. scores: rows (task, cell, seed, step, metric, value). curves: one dict per
    seed and logged step. panels: rows (seed, panel, x, y). artefacts: name -> arrays [S, ...] of the
    blocks, for other cells; None where the family keeps none. All deterministic but provenance."""

    head: dict[str, Any]
    scores: list[tuple[str, str, int, int, str, float]] = field(default_factory=list)
    curves: list[dict[str, float]] = field(default_factory=list)
    panels: list[tuple[int, str, float, float]] = field(default_factory=list)
    sheet: bytes | None = None
    artefacts: dict[str, list[np.ndarray]] | None = None
    provenance: dict[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """record.json comes last: where it stands, the others are whole."""
        write_bytes(folder / "scores.csv", _table(("task", "method", "seed", "step", "metric", "value"), self.scores))
        names = list(dict.fromkeys(name for row in self.curves for name in row))
        rows = [[row.get(name, math.nan) for name in names] for row in self.curves]
        write_bytes(folder / "curves.csv", _table(names, rows, digits=5))
        if self.panels:
            write_bytes(folder / "panels.csv", _table(("seed", "panel", "x", "y"), self.panels, digits=6))
        if self.sheet is not None:
            write_bytes(folder / "sheet.png", self.sheet)
        if self.artefacts is not None:
            file = io.BytesIO()
            np.savez_compressed(file, **{name: np.concatenate(parts) for name, parts in self.artefacts.items()})
            write_bytes(folder / "artefacts.npz", file.getvalue())
        write_bytes(folder / "provenance.json", to_json(self.provenance))
        write_bytes(folder / "record.json", to_json({"schema": SCHEMA, **self.head}))


def to_json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def _table(header: Iterable[str], rows: Iterable[Iterable[Any]], digits: int = 8) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([_number(v, digits) if isinstance(v, float) else v for v in row])
    return text.getvalue().encode()


def _number(value: float, digits: int) -> str:
    return "" if math.isnan(value) else f"{value:.{digits}g}"
