"""Show policies in mazes as a film: the path of each method's disc, side by side, and a still for paper.

Everything comes from the records: the path of the policy's mode, the learnt reward over the room, the walls. The still
is the last frame; paper shows it, and so does a screen whose reader asked for reduced motion.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
from matplotlib import colormaps
from PIL import Image, ImageDraw

from harness.report.figures.films import Film
from harness.report.figures.mazes import MAP
from harness.report.records.frame import CellFrame, TaskFrame

MOST = 5  # methods side by side
SIDE, GAP = 130, 6  # pixels of a room, and between two of them
MILLISECONDS, PAUSE = 90, 1500  # duration of a frame, and of the last one
FRAMES = 40  # the most frames of a path
GROUND = 120  # shades of the learnt reward; the palette has three more colours behind them
BLACK, WHITE, DISC = range(GROUND, GROUND + 3)
Point = tuple[float, float]


def draw(frame: TaskFrame) -> list[Film]:
    """Make a film of the first seed of the methods that learnt a reward; none if no method did."""
    cells = [cell for cell in frame.cells if cell.record and "reward_gradient" in cell.head["metrics"]][:MOST]
    cells = [cell for cell in cells if cell.panels is not None and (cell.panels.panel == MAP).any()]
    if not cells:
        return []
    rooms = [_room(cell) for cell in cells]
    steps = max(len(path) for _, path in rooms)
    frames = [_frame(rooms, step) for step in range(steps)]
    titles = [cell.title for cell in cells]
    moving, still = io.BytesIO(), io.BytesIO()
    spent = [MILLISECONDS] * (steps - 1) + [PAUSE]
    frames[0].save(moving, "PNG", save_all=True, append_images=frames[1:], duration=spent, loop=0, optimize=True)
    frames[-1].save(still, "PNG", optimize=True)
    return [
        Film(
            f"{frame.name}-motion.png",
            moving.getvalue(),
            frames[-1].size,
            f"{frame.name}-motion-still.png",
            still.getvalue(),
            frames[-1].size,
            titles,
            f"Seed {cells[0].seeds[0]} of each. The disc follows the policy's mode over {steps} recorded points of an "
            "episode. The ground shows the learnt reward, from low (dark) to high (bright).",
            f"The paths of {', '.join(titles)} through the maze, on the reward that each learnt.",
        )
    ]


def _room(cell: CellFrame) -> tuple[Image.Image, list[Point]]:
    """Return a picture of the room with its walls and target, and the path in pixels."""
    assert cell.panels is not None, f"{cell} has no panels"
    panels = cell.panels[cell.panels.seed == cell.seeds[0]]
    block = cell.head["manifests"][cell.head["metrics"]["reward_gradient"]["manifest"]]
    (nx, ny), (x0, y0), d = block["points"], block["first_m"], block["spacing_m"]
    values = panels[panels.panel == MAP].sort_values("x").y.to_numpy().reshape(ny, nx)[::-1]
    shades = (GROUND - 1) * (values - values.min()) / (float(np.ptp(values)) or 1.0)
    image = Image.fromarray(shades.round().astype(np.uint8)).resize((SIDE, SIDE), Image.Resampling.NEAREST)

    def at(x: float, y: float) -> Point:
        return (x - x0 + d / 2) / (nx * d) * SIDE, SIDE - (y - y0 + d / 2) / (ny * d) * SIDE

    pen = ImageDraw.Draw(image)
    for one, other in panels[panels.panel == "walls"][["x", "y"]].to_numpy().reshape(-1, 2, 2):
        pen.line([at(*one), at(*other)], fill=BLACK, width=3)
    x, y = at(*block["target_m"])
    pen.rectangle([x - 4, y - 4, x + 4, y + 4], outline=BLACK, fill=WHITE)
    return image, _path(panels, at)


def _path(panels: pd.DataFrame, at: Callable[[float, float], Point]) -> list[Point]:
    x, y = (panels[panels.panel == f"path {axis}"].sort_values("x").y for axis in "xy")
    points = [at(*point) for point in zip(x, y, strict=True)]
    return [points[place] for place in np.linspace(0, len(points) - 1, min(FRAMES, len(points))).round().astype(int)]


def _frame(rooms: list[tuple[Image.Image, list[Point]]], step: int) -> Image.Image:
    made = Image.new("P", (len(rooms) * (SIDE + GAP) - GAP, SIDE), WHITE)
    made.putpalette(_palette())
    for place, (room, path) in enumerate(rooms):
        shown = room.copy()
        pen = ImageDraw.Draw(shown)
        gone = path[: step + 1]
        if len(gone) > 1:
            pen.line(gone, fill=WHITE, width=2)
        x, y = gone[-1]
        pen.ellipse([x - 5, y - 5, x + 5, y + 5], fill=DISC, outline=WHITE)
        made.paste(shown, (place * (SIDE + GAP), 0))
    return made


@cache
def _palette() -> bytes:
    ground = (255 * colormaps["viridis"](np.linspace(0, 1, GROUND))[:, :3]).round().astype(np.uint8)
    return ground.tobytes() + bytes((0, 0, 0, 255, 255, 255, 0xD5, 0x5E, 0x00))
