"""Films of robots and characters: a small animated PNG beside a task's records, and stills of it for paper.

A film names the cells that it shows and the keys of their training. If the records are of other runs, it is not shown.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageSequence

from harness.errors import BenchError
from harness.report.records.frame import CellFrame, TaskFrame

FILM = "film.png"  # in a task's folder of records; also the name of its text
STILLS = 6  # moments that paper shows


@dataclass(frozen=True)
class Film:
    """An animated PNG, and a still PNG of some of its moments one below another, each with its file name and size.

    titles: the titles of the panels from left to right.
    """

    file: str
    png: bytes
    size: tuple[int, int]
    stills_file: str
    stills: bytes
    stills_size: tuple[int, int]
    titles: list[str]
    caption: str
    alt: str


def films(frame: TaskFrame, frames: Mapping[str, TaskFrame]) -> list[Film]:
    """Return the film of a task, if it has one that shows its own runs. Raises BenchError for a file that is no film.

    frames: every task of the preset, as a film may also show the expert.
    """
    path = place(frame)
    if path is None or not path.is_file():
        return []
    said, pictures = read(path)
    cells = [_cell(panel, frame, frames) for panel in said["panels"] if "training_key" in panel]
    if not all(cells):
        return []
    follows = "training_key" not in said["panels"][0]
    titles = [said["panels"][0]["cell"]] * follows + [cell.title for cell in cells if cell]
    stills = _stills(pictures)
    seeds = ", ".join(str(seed) for seed in dict.fromkeys(panel["seed"] for panel in said["panels"][follows:]))
    names = ", ".join(titles)
    shown = f"{said['seconds']:g} s of the policy's mode, seed {seeds}; dimmed after a fall."
    return [
        Film(
            f"{frame.name}-{FILM}",
            path.read_bytes(),
            pictures[0].size,
            f"{frame.name}-stills.png",
            _png(stills),
            stills.size,
            titles,
            f"From left to right: {names}. Each begins in the clip's first state and shows {shown} The view follows "
            "the root."
            if follows
            else f"From left to right: {names}. All begin in the same states. Each shows {shown}",
            f"Film of a {'flat figure' if follows else 'robot'} in {len(titles)} panels: {names}.",
        )
    ]


def _cell(panel: Mapping[str, Any], frame: TaskFrame, frames: Mapping[str, TaskFrame]) -> CellFrame | None:
    """Return the cell of a panel, or None if it is gone or its record is of another training."""
    its = frames.get(panel.get("task", frame.name))
    cell = its.cell(panel["cell"]) if its else None
    return cell if cell and cell.record and cell.head["training_key"] == panel["training_key"] else None


def place(frame: TaskFrame) -> Path | None:
    """Return the path of a task's film, beside the folders of its cells, or None if there is no film."""
    folders = (cell.folder for cell in frame.everything if cell.folder)
    return next((folder.parent / FILM for folder in folders), None)


def read(path: Path) -> tuple[dict[str, Any], list[Image.Image]]:
    """Return the text of a film and its frames. Raises BenchError if the file is not a film."""
    try:
        with Image.open(path) as image:
            said = json.loads(image.info[FILM])
            return said, [frame.convert("RGB") for frame in ImageSequence.Iterator(image)]
    except (OSError, ValueError, KeyError, AttributeError, SyntaxError) as error:
        raise BenchError(
            f"{path} is not a film ({' '.join(str(error).split())}): run `bench film`, or remove the file"
        ) from None


def _stills(frames: list[Image.Image]) -> Image.Image:
    """Return evenly spaced moments, one below another."""
    width, height = frames[0].size
    chosen = list(_even(frames, STILLS))
    sheet = Image.new("RGB", (width, height * len(chosen)))
    for k, frame in enumerate(chosen):
        sheet.paste(frame, (0, k * height))
    return sheet


def _even(frames: list[Image.Image], count: int) -> Iterator[Image.Image]:
    count = min(count, len(frames))
    for k in range(count):
        yield frames[k * len(frames) // count]


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
