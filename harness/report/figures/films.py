"""Show films of characters: a small animated PNG beside a task's records, and stills of it for paper.

A film names the cells that it shows and the keys of their training. If the records are of other runs, it is not shown.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageSequence

from harness.errors import BenchError
from harness.report.records.frame import TaskFrame

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


def films(frame: TaskFrame) -> list[Film]:
    """Return the film of a task, if there is one of its current runs. Raises BenchError for a file of another kind."""
    path = place(frame)
    if path is None or not path.is_file():
        return []
    said, frames = read(path)
    cells = [frame.cell(panel["cell"]) for panel in said["panels"][1:]]
    for cell, panel in zip(cells, said["panels"][1:], strict=True):
        if cell is None or not cell.record or cell.head["training_key"] != panel["training_key"]:
            return []
    titles = [said["panels"][0]["cell"], *(cell.title for cell in cells if cell)]
    stills = _stills(frames)
    seeds = ", ".join(str(seed) for seed in dict.fromkeys(panel["seed"] for panel in said["panels"][1:]))
    names = ", ".join(titles)
    return [
        Film(
            f"{frame.name}-{FILM}",
            path.read_bytes(),
            frames[0].size,
            f"{frame.name}-stills.png",
            _png(stills),
            stills.size,
            titles,
            f"From left to right: {names}. Each panel begins in the clip's first state and shows {said['seconds']:g} s "
            f"of the policy's mode, seed {seeds}. It is dimmed after a fall. The view follows the root.",
            f"Film of a flat figure in {len(titles)} panels: {names}.",
        )
    ]


def place(frame: TaskFrame) -> Path | None:
    """Return the path of a task's film, beside the folders of its cells, or None if there is no film."""
    folders = (cell.folder for cell in frame.everything if cell.folder)
    return next((folder.parent / FILM for folder in folders), None)


def read(path: Path) -> tuple[dict[str, Any], list[Image.Image]]:
    """Return the text of a film and its frames. Raises BenchError if the file is not a film."""
    try:
        with Image.open(path) as image:
            said = json.loads(image.info[FILM])
            return said, [frame.convert("L") for frame in ImageSequence.Iterator(image)]
    except (OSError, ValueError, KeyError, AttributeError, SyntaxError) as error:
        raise BenchError(
            f"{path} is not a film ({' '.join(str(error).split())}): run `bench film`, or remove the file"
        ) from None


def _stills(frames: list[Image.Image]) -> Image.Image:
    """Return evenly spaced moments, one below another."""
    width, height = frames[0].size
    chosen = list(_even(frames, STILLS))
    sheet = Image.new("L", (width, height * len(chosen)))
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
