"""`bench film`: policies side by side, as one small animated PNG beside the records of their task.

Where a clip is followed, it is the first panel. The file says what it shows: the cells with the keys of their training,
so that a page can tell when its records are others.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from harness.contracts import Method, Task
from harness.errors import BenchError
from harness.files import write_bytes
from harness.places.train import build_task
from harness.plan.identity import keys_of
from harness.plan.plan import Cell
from harness.report.figures.films import FILM
from harness.sim.robots import Robot
from harness.tasks.locomotion import Locomotion
from harness.workspace import clip_film, robot_film
from harness.workspace.export import trained

COLOURS = 64  # of a film's palette
MOST = 300_000  # bytes of a file
CLIP = "clip"


def film(root: Path, cells: Sequence[Cell], out: Path, seed: int | None = None, seconds: float = 4.0) -> int:
    """Write the film of one `seed` (by default each cell's first) of `cells` and return the number of its bytes.

    Raises BenchError if a cell has no finished checkpoint here, if its task shows neither a robot nor a figure that
    follows a clip, if the cells move differently, and if the file would be larger than a page should carry.
    """
    panels: list[np.ndarray] = []
    shown: list[dict[str, Any]] = []
    for cell in cells:
        chosen = cell.seeds[0] if seed is None else seed
        task, method = _trained(root, cell, chosen)
        if isinstance(task, clip_film.Followed):
            if not panels:
                panels.append(clip_film.clip(task, seconds))
                shown.append({"cell": CLIP})
            panels.append(clip_film.policy(task, method, seconds))
        elif isinstance(task, Locomotion) and isinstance(task.robot, Robot):  # not any environment
            panels.append(robot_film.policy(task, method, seconds))
        else:
            raise BenchError(f"{cell.task} moves neither a robot of MuJoCo nor a figure: there is nothing to film")
        key = keys_of(root, cell).training
        shown.append({"task": cell.task, "cell": cell.name, "seed": chosen, "training_key": key})
    if len({panel.shape for panel in panels}) > 1:
        raise BenchError(f"{', '.join(map(str, cells))} do not fit beside each other: give cells of one robot or body")
    said = {"panels": shown, "seconds": seconds}
    content = animated(np.concatenate(panels, axis=2), said, len(panels[0]) / seconds)
    if len(content) > MOST:
        raise BenchError(f"the film has {len(content)} bytes of at most {MOST}: give fewer cells, or less --seconds")
    write_bytes(out, content)
    return len(content)


def animated(frames: np.ndarray, said: dict[str, Any], rate: float) -> bytes:
    """Return frames [T, H, W, 3] of bytes, `rate` a second, as an animated PNG without end.

    said: what it shows, which is kept in its text.
    """
    palette = Image.fromarray(np.concatenate(frames[:: max(1, len(frames) // 8)])).quantize(COLOURS)
    first, *rest = (Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames)
    text, buffer = PngImagePlugin.PngInfo(), io.BytesIO()
    text.add_text(FILM, json.dumps(said))
    first.save(
        buffer, "PNG", save_all=True, append_images=rest, duration=1000 / rate, loop=0, pnginfo=text, optimize=True
    )
    return buffer.getvalue()


def _trained(root: Path, cell: Cell, seed: int) -> tuple[Task, Method]:
    task = build_task(root, cell)
    return task, trained(root, cell, task, seed)
