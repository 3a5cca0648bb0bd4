"""`bench film`: a clip and the policies that follow it, side by side, as one small animated PNG beside the records.

Every panel begins in the clip's first state and shows the policy's mode. After a fall it goes on, dimmed. The file
says what it shows: the cells with the keys of their training, so that a page can tell when its records are others.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from PIL import Image, PngImagePlugin

from harness.contracts import Method, Task
from harness.errors import BenchError
from harness.files import write_bytes
from harness.places.train import build_task
from harness.plan.identity import keys_of
from harness.plan.plan import Cell
from harness.report.figures.films import FILM
from harness.sim.bodies import CONTROL_RATE
from harness.sim.characters import Character
from harness.sim.following import Following
from harness.sim.motions import Motion
from harness.sim.pictures import Raster
from harness.workspace.export import trained

SIDE = 128  # pixels of a panel
EVERY = 2  # control steps from frame to frame: 15 a second
SHADES = 16  # a picture has so many, which halves the file
DIM = 0.4  # of the brightness, after a fall
MOST = 300_000  # bytes of a file
CLIP = "clip"


@runtime_checkable
class Followed(Protocol):
    """A task in which characters follow a clip."""

    character: Character
    motion: Motion

    def tracking_worlds(self, n: int, device: torch.device) -> Following: ...
    def clip_observations(self, times: np.ndarray) -> np.ndarray: ...


def film(root: Path, cells: Sequence[Cell], out: Path, seed: int | None = None, seconds: float = 4.0) -> int:
    """Write the film of the clip and of one `seed` (by default each cell's first) of `cells`; returns its bytes.

    Raises BenchError where a cell has no finished checkpoint here, its task follows no clip or has the body in space,
    or the file would be larger than a page should carry.
    """
    panels: list[np.ndarray] = []
    shown: list[dict[str, Any]] = []
    for cell in cells:
        chosen = cell.seeds[0] if seed is None else seed
        task, method = _trained(root, cell, chosen)
        if not isinstance(task, Followed):
            raise BenchError(f"{cell.task} follows no clip: there is nothing to film")
        if not panels:
            panels.append(_clip(task, seconds))
        panels.append(_policy(task, method, seconds))
        key = keys_of(root, cell).training
        shown.append({"cell": cell.name, "seed": chosen, "training_key": key})
    said = {"panels": [{"cell": CLIP}, *shown], "seconds": seconds}
    content = animated(np.concatenate(panels, axis=2), said)
    if len(content) > MOST:
        raise BenchError(f"the film has {len(content)} bytes of at most {MOST}: give fewer cells, or less --seconds")
    write_bytes(out, content)
    return len(content)


def animated(frames: np.ndarray, said: dict[str, Any]) -> bytes:
    """Frames [T, H, W] in [0, 1] as an animated PNG without end; said: what it shows, kept in its text."""
    shades = np.round(frames * (SHADES - 1)) * (255 / (SHADES - 1))
    first, *rest = (Image.fromarray(frame) for frame in shades.astype(np.uint8))
    text, buffer = PngImagePlugin.PngInfo(), io.BytesIO()
    text.add_text(FILM, json.dumps(said))
    first.save(
        buffer,
        "PNG",
        save_all=True,
        append_images=rest,
        duration=1000 * EVERY / CONTROL_RATE,
        loop=0,
        pnginfo=text,
        optimize=True,
    )
    return buffer.getvalue()


def _clip(task: Followed, seconds: float) -> np.ndarray:
    times = np.arange(0, round(seconds * CONTROL_RATE), EVERY) / CONTROL_RATE
    return _drawn(task, task.clip_observations(times))


def _policy(task: Followed, method: Method, seconds: float) -> np.ndarray:
    found = list(_followed(task, method, round(seconds * CONTROL_RATE)))[::EVERY]
    brightness = np.array([DIM if fallen else 1.0 for _, fallen in found])
    return _drawn(task, np.stack([seen for seen, _ in found])) * brightness[:, None, None]


def _followed(task: Followed, method: Method, steps: int) -> Iterator[tuple[np.ndarray, bool]]:
    """Observation [O], and whether it has fallen by then, at the beginning of each of so many steps."""
    outputs: Any = method.outputs()
    worlds = task.tracking_worlds(1, torch.device("cpu"))
    seen, down = worlds.begin(np.zeros(1)), False
    for _ in range(steps):
        yield np.asarray(seen[0]), down
        with torch.no_grad():
            action = outputs.act(torch.as_tensor(seen).float()[None])[0]
        seen, fallen = worlds.step(action.double().numpy())
        down |= bool(fallen[0])


def _drawn(task: Followed, observations: np.ndarray) -> np.ndarray:
    """[T, SIDE, SIDE] in [0, 1] of observations [T, O]."""
    raster = Raster(task.character, SIDE, torch.device("cpu"))
    return raster(torch.as_tensor(observations).float()).numpy()


def _trained(root: Path, cell: Cell, seed: int) -> tuple[Task, Method]:
    task = build_task(root, cell)
    return task, trained(root, cell, task, seed)
