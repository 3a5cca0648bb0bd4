"""Figures that need no drawing: of a task whose records, parameters, looks and drawing code are what they were.

Drawing takes nine tenths of the time of a report. Archived records never change and a new method touches one task, so
what was drawn is kept in the scratch folder, a file for each preset and task: nothing that a result hangs on, and safe
to delete.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from harness import packed
from harness.files import aside
from harness.report.figures import figures
from harness.report.figures.style import Plot, Style
from harness.report.records.frame import TaskFrame
from harness.store import CURVES, PANELS, SCORES

PACKAGES = ("matplotlib", "numpy", "pandas", "scipy", "seaborn")
CODE = (".csv", ".py")  # of the report, but for its pages, which draw nothing


def draw(
    folder: Path | None,
    preset: str,
    frame: TaskFrame,
    summary: pd.DataFrame,
    looks: dict[str, Style],
    declared: dict[str, Any] | None = None,
) -> list[Plot]:
    """As figures.draw, from `folder` where they were drawn from the same before; folder None: drawn, and not kept.

    summary: of the frame, from which it follows. looks: those of other tasks' methods change nothing here, and no
    figure sees them.
    """
    own = {name for cell in frame.everything for name in (cell.name, cell.method)}
    looks = {name: look for name, look in looks.items() if name in own}
    if folder is None:
        return figures.draw(frame, summary, looks, declared)
    path, key = folder / f"{preset}-{frame.name}.json", _key(frame, looks, declared)
    if (found := _read(path, key)) is None:
        found = figures.draw(frame, summary, looks, declared)
        _write(path, key, found)
    return found


def _key(frame: TaskFrame, looks: dict[str, Style], declared: dict[str, Any] | None) -> str:
    """A hash of all that the figures follow from. The frame's words hold its parameters, records and place."""
    made = hashlib.sha256(_code())
    for part in (repr((frame, looks, declared)).encode(), *_tables(frame)):
        made.update(hashlib.sha256(part).digest())  # of equal length, so that no two lists of parts look alike
    return made.hexdigest()


def _tables(frame: TaskFrame) -> Iterator[bytes]:
    for folder in (cell.folder for cell in frame.everything if cell.folder):
        for name in (SCORES, CURVES, PANELS):
            if packed.standing(folder / name).is_file():
                yield name.encode()
                yield packed.contents(folder / name)


@cache
def _code() -> bytes:
    """A digest of the sources of the report and the versions of what it draws with."""
    made = hashlib.sha256(repr([sys.version, *map(version, PACKAGES)]).encode())
    places = Path(__file__).parents[1].rglob("*")
    for path in sorted(path for path in places if path.suffix in CODE and not {"tests", "page"} & set(path.parts)):
        made.update(hashlib.sha256(path.name.encode()).digest() + hashlib.sha256(path.read_bytes()).digest())
    return made.digest()


def _read(path: Path, key: str) -> list[Plot] | None:
    """None where nothing of this key is there; a file that was cut off counts as none."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return [Plot(**plot | {"svg": plot["svg"].encode()}) for plot in kept["plots"]] if kept["key"] == key else None
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def _write(path: Path, key: str, plots: list[Plot]) -> None:
    """Written aside and renamed: two reports at a time do not read halves of each other's.

    Where the folder cannot be written, as in a tree of another owner, nothing is kept: the next report draws again.
    """
    kept = {"key": key, "plots": [asdict(plot) | {"svg": plot.svg.decode()} for plot in plots]}
    try:
        with aside(path) as file:
            file.write(json.dumps(kept).encode())
    except OSError:
        pass
