"""Recorded motions in the format of DeepMimic (Peng et al. 2018): reading, checking, and two that are built in.

A file is JSON with "Loop" ("wrap" or "none") and "Frames", rows of 44 numbers: the time to the next row (s), position
(m) and rotation of the root, then rotations relative to the parent: chest, neck, right hip, knee, ankle, right
shoulder, elbow, left hip, knee, ankle, left shoulder, elbow. Rotations are quaternions w x y z, except that knees and
elbows have an angle. Axes are x forwards, y up, z to the right.

The recorded skills come from the package `pybullet_data`, which is located but not imported, or from a folder.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.errors import BenchError, nearest
from harness.files import read_bytes

ROW = 44
PACKAGE, INSIDE, PREFIX = "pybullet_data", "data/motions", "humanoid3d_"
QUATERNIONS = (4, 8, 12, 16, 21, 25, 30, 35, 39)  # where they begin in a row
OFF = 0.5  # of a quaternion's length, which is then made 1: the recorded clips have some from 0.58 to 1.12


@dataclass(frozen=True)
class Recording:
    """A recorded motion.

    wraps: whether it repeats, starting from where its root is at the end.
    rows: [F, 44].
    """

    name: str
    wraps: bool
    rows: np.ndarray

    @property
    def fingerprint(self) -> str:
        """16 hex digits that identify the rows."""
        return hashlib.sha256(np.ascontiguousarray(self.rows)).hexdigest()[:16]


def recording(name: str, folder: str | None = None) -> Recording:
    """Return a motion that is built in (see BUILT_IN), or from `folder`, or from the installed package.

    Raises BenchError if there is none of that name or its file does not have the format.
    """
    if folder is None and name in BUILT_IN:
        return BUILT_IN[name]()
    place = Path(folder) if folder is not None else _package_folder(name)
    path = place / f"{PREFIX}{name}.txt"
    if not path.is_file():
        held = sorted(p.stem.removeprefix(PREFIX) for p in place.glob(f"{PREFIX}*.txt"))
        known = nearest(name, held) if held else f"it holds no file {PREFIX}*.txt"
        raise BenchError(f"clip {name!r} is not in {place}; {known}")
    return read(path)


def read(path: Path) -> Recording:
    """Read the motion in a file. Raises BenchError that says what is wrong with it."""
    try:
        held = json.loads(read_bytes(path).decode("utf-8"))
        loop, rows = held["Loop"], np.array(held["Frames"], float)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise BenchError(
            f'{path} is not a clip: it must be JSON with "Loop" and "Frames", which has rows of {ROW} numbers'
        ) from None
    return check(path.stem.removeprefix(PREFIX), loop, rows, str(path))


def check(name: str, loop: object, rows: np.ndarray, where: str) -> Recording:
    """Return the recording if its rows are valid. Raises BenchError that says what is not."""
    if loop not in ("wrap", "none"):
        raise BenchError(f'{where}: "Loop" must be "wrap" or "none", got {loop!r}')
    if rows.ndim != 2 or rows.shape[1] != ROW or len(rows) < 2:
        raise BenchError(f'{where}: "Frames" must be at least two rows of {ROW} numbers, got an array of {rows.shape}')
    if not np.isfinite(rows).all():
        raise BenchError(f"{where}: row {int(np.flatnonzero(~np.isfinite(rows).all(1))[0])} is not finite")
    if (late := np.flatnonzero(rows[:-1, 0] <= 0)).size:
        raise BenchError(f"{where}: row {late[0]} must last longer than 0 s, got {rows[late[0], 0]:g}")
    lengths = np.stack([np.linalg.norm(rows[:, k : k + 4], axis=1) for k in QUATERNIONS], 1)
    if (bad := np.argwhere(abs(lengths - 1) > OFF)).size:
        row, which = bad[0]
        raise BenchError(
            f"{where}: row {row} has no unit quaternion in columns {QUATERNIONS[which]} to {QUATERNIONS[which] + 3}:"
            f" its length is {lengths[row, which]:.3g}"
        )
    return Recording(name, loop == "wrap", rows)


def _package_folder(name: str) -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.origin:
        made = ", ".join(BUILT_IN)
        raise BenchError(
            f"clip {name!r} needs the package {PACKAGE}: pip install 'vdb-bench[mocap]', or set `folder` to a folder of"
            f" clips; the built-in ones are {made}"
        )
    return Path(spec.origin).parent / INSIDE


# Invented motions, for which nothing has to be installed. Angles turn about the sideways axis, in rad.

THIGH, SHIN = 0.421546, 0.40987  # m
SOLE = 0.05  # m: of the ankle above the ground, 0.055 without the sole
FRAMES = 60  # of a second


def march() -> Recording:
    """Return marching in place: each foot leaves the ground in turn, and the arms swing against the legs."""
    length = 0.8
    t = np.linspace(0, length, round(length * FRAMES) + 1)
    up = {side: np.maximum(0.0, np.sin(2 * np.pi * (t / length + k))) ** 2 for side, k in (("right", 0), ("left", 0.5))}
    swing = 0.35 * np.sin(2 * np.pi * t / length)
    legs = {side: (0.9 * lift, -1.2 * lift) for side, lift in up.items()}
    return _synthesise("march", t, np.zeros_like(t), legs, {"right": -swing, "left": swing})


def squat() -> Recording:
    """Return squatting: the hips move down and up above the ankles, and the arms move forwards."""
    length = 1.6
    t = np.linspace(0, length, round(length * FRAMES) + 1)
    thigh = 0.7 * (1 - np.cos(2 * np.pi * t / length)) / 2
    shin = np.arcsin(THIGH / SHIN * np.sin(thigh))  # backwards, so that the hip stays above the ankle
    legs = dict.fromkeys(("right", "left"), (thigh, -thigh - shin))
    down = THIGH * (1 - np.cos(thigh)) + SHIN * (1 - np.cos(shin))
    return _synthesise("squat", t, down, legs, {"right": 0.8 * thigh, "left": 0.8 * thigh})


def _synthesise(
    name: str,
    t: np.ndarray,
    down: np.ndarray,
    legs: dict[str, tuple[np.ndarray, np.ndarray]],
    arms: dict[str, np.ndarray],
) -> Recording:
    """Build a recording from the root's descent (m) and the angles of hips, knees and shoulders.

    Feet stay level, and trunk and head upright.
    """
    rows = np.zeros((len(t), ROW))
    rows[:-1, 0] = np.diff(t)
    rows[:, 2] = THIGH + SHIN + SOLE - down
    for k in QUATERNIONS:
        rows[:, k] = 1.0
    for side, first in (("right", 16), ("left", 30)):
        hip, knee = legs[side]
        for place, turn in ((first, hip), (first + 5, -hip - knee), (first + 9, arms[side])):
            rows[:, place], rows[:, place + 3] = np.cos(turn / 2), np.sin(turn / 2)
        rows[:, first + 4], rows[:, first + 13] = knee, 0.3
    return check(name, "wrap", rows, name)


BUILT_IN: dict[str, Callable[[], Recording]] = {"march": march, "squat": squat}
