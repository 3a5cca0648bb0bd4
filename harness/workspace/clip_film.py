"""The panels of a film of a clip: the clip itself and the policies that follow it, each from the clip's first state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

from harness.contracts import Method
from harness.sim.bodies import CONTROL_RATE
from harness.sim.characters import Character
from harness.sim.following import Following
from harness.sim.motions import Motion
from harness.sim.pictures import Raster

SIDE = 128  # pixels of a panel
EVERY = 2  # control steps from frame to frame
SHADES = 16  # a picture has so many, which halves the file
DIM = 0.4  # of the brightness, after a fall


@runtime_checkable
class Followed(Protocol):
    """A task in which characters follow a clip."""

    character: Character
    motion: Motion

    def tracking_worlds(self, n: int, device: torch.device) -> Following: ...
    def clip_observations(self, times: np.ndarray) -> np.ndarray: ...


def clip(task: Followed, seconds: float) -> np.ndarray:
    """Return the clip as frames [T, SIDE, SIDE, 3] of bytes."""
    times = np.arange(0, round(seconds * CONTROL_RATE), EVERY) / CONTROL_RATE
    return _shaded(_drawn(task, task.clip_observations(times)))


def policy(task: Followed, method: Method, seconds: float) -> np.ndarray:
    """Return the mode of a policy as frames [T, SIDE, SIDE, 3] of bytes, dimmed after a fall."""
    found = list(_followed(task, method, round(seconds * CONTROL_RATE)))[::EVERY]
    brightness = np.array([DIM if fallen else 1.0 for _, fallen in found])
    return _shaded(_drawn(task, np.stack([seen for seen, _ in found])) * brightness[:, None, None])


def _followed(task: Followed, method: Method, steps: int) -> Iterator[tuple[np.ndarray, bool]]:
    """Yield the observation [O], and whether it has fallen by then, at the beginning of each of so many steps."""
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
    """Return pictures [T, SIDE, SIDE] in [0, 1] of observations [T, O]."""
    raster = Raster(task.character, SIDE, torch.device("cpu"))
    return raster(torch.as_tensor(observations).float()).numpy()


def _shaded(frames: np.ndarray) -> np.ndarray:
    shades = np.round(frames * (SHADES - 1)) * (255 / (SHADES - 1))
    return shades.astype(np.uint8)[..., None].repeat(3, axis=-1)
