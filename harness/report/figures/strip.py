"""Draw the strip of the first screen: generated samples and learnt rewards from the records."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from PIL import Image

from harness.report.figures.mazes import MAP
from harness.report.figures.sheets import tiles
from harness.report.records.frame import CellFrame, TaskFrame
from harness.report.records.twins import bottlenecked

SIDE, GAP = 96, 6  # pixels of a tile, and between two tiles
SAMPLES, MAZES = 8, 2


@dataclass(frozen=True)
class Strip:
    """A PNG in `figures/`, its size in pixels and what it shows."""

    file: str
    png: bytes
    width: int
    height: int
    alt: str


def draw(frames: dict[str, TaskFrame]) -> Strip | None:
    """Draw eight samples of the first method with the bottleneck that has a sheet, and two learnt rewards of mazes."""
    cells = [cell for frame in frames.values() for cell in frame.cells if cell.record and bottlenecked(cell)]
    tiles: list[Image.Image] = []
    words = []
    if shown := next((cell for cell in cells if cell.sheet), None):
        tiles += _samples(shown)
        words.append(f"generated samples of {shown.title}")
    if rooms := [cell for cell in cells if cell.panels is not None and (cell.panels.panel == MAP).any()]:
        tiles += [_maze(rooms[0], seed) for seed in rooms[0].seeds[:MAZES]]
        words.append(f"rewards that {rooms[0].title} learnt in a maze")
    if not tiles:
        return None
    wide = len(tiles) * (SIDE + GAP) - GAP
    made = Image.new("RGB", (wide, SIDE), "white")
    for place, tile in enumerate(tiles):
        made.paste(tile, (place * (SIDE + GAP), 0))
    buffer = io.BytesIO()
    made.save(buffer, "PNG", optimize=True)
    text = " and ".join(words)
    return Strip("strip.png", buffer.getvalue(), wide, SIDE, text[0].upper() + text[1:])


def _samples(cell: CellFrame) -> list[Image.Image]:
    """Return the first samples of a sheet's first row."""
    assert cell.sheet is not None
    sheet = Image.open(cell.sheet).convert("RGB")
    side, step = tiles(cell.sheet.read_bytes())
    lefts = [place * step for place in range(SAMPLES) if place * step + side <= sheet.width]
    shown = [sheet.crop((left, 0, left + side, side)) for left in lefts]
    return [image.resize((SIDE, SIDE), Image.Resampling.NEAREST) for image in shown]


def _maze(cell: CellFrame, seed: int) -> Image.Image:
    """Return a picture of the learnt reward over the room, from low (dark) to high (bright)."""
    assert cell.panels is not None
    rows = cell.panels[(cell.panels.seed == seed) & (cell.panels.panel == MAP)].sort_values("x")
    block = cell.head["manifests"][cell.head["metrics"]["reward_gradient"]["manifest"]]
    nx, ny = block["points"]
    values = rows.y.to_numpy().reshape(ny, nx)[::-1]
    spread = float(np.ptp(values)) or 1.0
    colours = colormaps["viridis"]((values - values.min()) / spread)[..., :3]
    image = Image.fromarray((255 * colours).round().astype(np.uint8))
    return image.resize((SIDE, SIDE), Image.Resampling.NEAREST)
