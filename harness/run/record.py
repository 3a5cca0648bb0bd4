"""Build and write the record of a cell: small text files that all later steps read."""

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

from harness import seal
from harness.schema import CURVE_COLUMNS, PANEL_COLUMNS, SCORE_COLUMNS, Head, Provenance, content, validate
from harness.store import ARTEFACTS, CURVES, HEAD, PANELS, PROVENANCE, SCORES, SHEET


@dataclass
class Record:
    """The content of a record. Everything but the provenance is deterministic.

    scores: rows in the order of the schema's columns.
    curves: one dict per seed and logged step.
    panels: rows in the order of the schema's columns.
    artefacts: maps a name to one array [S, ...] per block, for other cells; None if the family writes none.
    provenance: the fields of the schema's `Provenance`.
    """

    head: Head
    scores: list[tuple[str, str, int, int, str, float]] = field(default_factory=list)
    curves: list[dict[str, float]] = field(default_factory=list)
    panels: list[tuple[int, str, float, float]] = field(default_factory=list)
    sheet: bytes | None = None
    artefacts: dict[str, list[np.ndarray]] | None = None
    provenance: dict[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write all files under one seal. record.json comes last, so the others are complete whenever it exists.

        Raises BenchError, without writing anything, if the schema rejects the head or the provenance.
        """
        head = content(self.head)
        cell = f"{self.head.task}/{self.head.cell}"
        provenance = validate(Provenance, self.provenance, f"{cell}: {PROVENANCE}").model_dump(
            mode="json", exclude_unset=True
        )
        names = list(dict.fromkeys([*CURVE_COLUMNS, *(name for row in self.curves for name in row)]))
        rows = [[row.get(name, math.nan) for name in names] for row in self.curves]
        files = {
            HEAD: to_json(head),
            SCORES: _table(SCORE_COLUMNS, self.scores),
            CURVES: _table(names, rows, digits=5),
            PROVENANCE: to_json(provenance),
        }
        if self.panels:
            files[PANELS] = _table(PANEL_COLUMNS, self.panels, digits=6)
        if self.sheet is not None:
            files[SHEET] = self.sheet
        if self.artefacts is not None:
            files[ARTEFACTS] = to_npz({name: np.concatenate(parts) for name, parts in self.artefacts.items()})
        seal.write(folder, files)


def to_json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def to_npz(arrays: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def _table(header: Iterable[str], rows: Iterable[Iterable[Any]], digits: int = 8) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([_number(v, digits) if isinstance(v, float) else v for v in row])
    return text.getvalue().encode()


def _number(value: float, digits: int) -> str:
    return "" if math.isnan(value) else f"{value:.{digits}g}"
