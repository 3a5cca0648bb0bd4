"""Convert a recording to states of a character at any time, with interpolated positions and filtered velocities.

This follows DeepMimic of October 2018 (Peng et al. 2018). Between rows, positions and angles are linear, and rotations
turn at a constant rate. Velocities are forward differences of rows, and the last one repeats the one before, so that
none spans the seam, where clips jump. Each component is then filtered forwards and backwards by a second-order
Butterworth filter of 6 Hz. With each cycle the root moves on along the ground, while height and heading repeat.

A clip is projected into the flat body's plane as follows. Trunk and legs take the direction of each part as seen from
the side. Arms take their rotation about the sideways axis, because the direction of an arm that passes the sideways
pose would spin. The root is then as high as needed for the flat body's lowest point to be where the humanoid's is, but
not below the ground.
"""

from __future__ import annotations

import copy
from typing import Self

import numpy as np
import torch

from harness.errors import BenchError
from harness.maths.arrays import Array, namespace
from harness.maths.rotations import inverse, logarithm, product, rotate, slerp, unit
from harness.sim.bodies import INDEX, JOINTS, PARENTS, PARTS
from harness.sim.characters import Character, Flat, Humanoid
from harness.sim.recordings import ROW, Recording

GRID = 240  # Hz: of a clip in the plane
FAR = 0.3  # m in a cycle: from there on a clip's way gives its plane; otherwise that is where it looks


class Motion:
    """A motion that repeats.

    times: [F] (s) from 0 to `length`.
    qpos: [F, nq].
    qvel: [F, nv].
    gain: [nq], the change of the positions in one cycle.
    turns: the indices of quaternions in qpos.
    """

    CONSTANTS = ("times", "qpos", "qvel", "gain")

    def __init__(self, times: np.ndarray, qpos: np.ndarray, qvel: np.ndarray, gain: np.ndarray, turns: tuple[int, ...]):
        self.times: Array = times
        self.qpos: Array = qpos
        self.qvel: Array = qvel
        self.gain: Array = gain
        self.turns, self.length = turns, float(times[-1])

    def on(self, device: torch.device | None) -> Self:
        """Return the same motion as float32 tensors on `device`; without a device, return itself."""
        if device is None:
            return self
        moved = copy.copy(self)
        for name in self.CONSTANTS:
            setattr(moved, name, torch.as_tensor(getattr(self, name), device=device).float())
        return moved

    def phase(self, time: Array) -> Array:
        """Return the share of the cycle that has passed, [n] in [0, 1)."""
        turns = time / self.length
        return turns - namespace(time).floor(turns)

    def at(self, time: Array) -> tuple[Array, Array]:
        """Return qpos [n, nq] and qvel [n, nv] at the times [n] (s)."""
        xp = namespace(time)
        cycle = xp.floor(time / self.length)
        within = time - cycle * self.length
        k = xp.clip(xp.searchsorted(self.times, within, side="right") - 1, 0, len(self.times) - 2)
        share = ((within - self.times[k]) / (self.times[k + 1] - self.times[k]))[:, None]
        a, b = self.qpos[k], self.qpos[k + 1]
        qpos = (1 - share) * a + share * b + cycle[:, None] * self.gain
        for j in self.turns:
            qpos[:, j : j + 4] = slerp(a[:, j : j + 4], b[:, j : j + 4], share)
        return qpos, (1 - share) * self.qvel[k] + share * self.qvel[k + 1]


def motion(recording: Recording, character: Character, filter_hz: float | None = 6.0) -> Motion:
    """Return the recording as a motion of `character`. Raises BenchError for a recording that does not wrap."""
    if not recording.wraps:
        raise BenchError(f'clip {recording.name!r} does not repeat ("Loop": "none"): use one that wraps')
    in_space = _in_space(recording, Humanoid(character.rate), filter_hz)
    return _in_plane(in_space, character, filter_hz) if isinstance(character, Flat) else in_space


def _in_space(recording: Recording, character: Humanoid, filter_hz: float | None) -> Motion:
    rows = recording.rows
    times = np.concatenate([[0.0], np.cumsum(rows[:-1, 0])])
    qpos = np.zeros((len(rows), character.model.nq))
    qpos[:, :3], qpos[:, 3:7] = to_mujoco_axes(rows[:, 1:4]), unit(_to_mujoco_quaternions(rows[:, 4:8]))
    column = 8
    for part in JOINTS:
        j = int(character.model.joint(part.name).qposadr[0])
        if part.joint == "ball":
            qpos[:, j : j + 4] = unit(_to_mujoco_quaternions(rows[:, column : column + 4]))
            column += 4
        else:
            qpos[:, j] = rows[:, column]
            column += 1
    assert column == ROW
    gain = qpos[-1] - qpos[0]
    gain[2:] = 0.0
    return Motion(times, qpos, _velocities(character, times, qpos, filter_hz), gain, character.turns)


def _velocities(character: Humanoid, times: np.ndarray, qpos: np.ndarray, filter_hz: float | None) -> np.ndarray:
    """Return velocities [F, nv]: of the root in the world, and angular ones in their own frame, as in MuJoCo."""
    qvel, lasts = np.zeros((len(qpos), character.model.nv)), np.diff(times)[:, None]
    qvel[:-1, :3] = np.diff(qpos[:, :3], axis=0) / lasts
    for part in PARTS:
        joint = character.model.joint(part.name)
        j, d = (int(adr[0]) + (3 if part.joint == "free" else 0) for adr in (joint.qposadr, joint.dofadr))
        if part.joint == "hinge":
            qvel[:-1, d] = np.diff(qpos[:, j]) / lasts[:, 0]
        else:
            turn = qpos[:, j : j + 4]
            qvel[:-1, d : d + 3] = logarithm(product(inverse(turn[:-1]), turn[1:])) / lasts
    qvel[-1] = qvel[-2]
    return low_pass(qvel, 1 / float(np.diff(times).mean()), filter_hz)


def low_pass(x: np.ndarray, rate: float, filter_hz: float | None) -> np.ndarray:
    """Filter x [F, ...], sampled at `rate` Hz, by a low-pass filter in both directions; None returns it unchanged."""
    if filter_hz is None or 2 * filter_hz >= rate:
        return x
    from scipy.signal import butter, filtfilt  # imported here, because only cells that track a clip need scipy

    return filtfilt(*butter(2, 2 * filter_hz / rate), x, axis=0, padlen=0).copy()  # its strides are negative


def _in_plane(of: Motion, character: Flat, filter_hz: float | None) -> Motion:
    """Project the motion `of` a humanoid into the flat body's plane."""
    full = Humanoid(character.rate)
    n = max(2, round(of.length * GRID))
    times = np.linspace(0, of.length, n + 1)
    pose, _ = of.at(np.minimum(times, of.length * (1 - 1e-9)))
    kin = full.forward(pose, np.zeros((n + 1, full.model.nv)))
    ahead = _forward_direction(of.gain[:2])
    points = np.array([(0.0, 0.0, 1.0)] * 3 + [(0.0, 0.0, -1.0)] * (len(PARTS) - 3))
    for name in ("right_ankle", "left_ankle"):
        points[INDEX[name]] = (1.0, 0.0, 0.0)
    shown = rotate(kin.turn, points)
    world = np.arctan2(shown[..., 2], shown[..., :2] @ ahead) - np.arctan2(points[:, 2], points[:, 0])
    world = np.unwrap(world, axis=0)
    qpos = np.zeros((n + 1, character.model.nq))
    qpos[:, 0], qpos[:, 1] = (pose[:, :2] - pose[0, :2]) @ ahead, pose[:, 2]
    qpos[:, 2] = world[:, 0] - _whole_turns(world[0, 0])
    for k, part in enumerate(JOINTS, 1):
        j = int(full.model.joint(part.name).qposadr[0])
        if part.name.endswith("elbow"):
            turn = pose[:, j]
        elif part.name.endswith("shoulder"):
            turn = np.unwrap(2 * np.arctan2(-pose[:, j + 2], pose[:, j]))
        else:
            turn = np.unwrap(world[:, k] - world[:, PARENTS[k]])
        turn = turn - _whole_turns(np.median(turn) - np.mean(part.limits))
        qpos[:, character.order[k]] = np.clip(turn, *part.limits) if part.joint == "hinge" else turn
    down = character.lowest(character.forward(qpos, 0 * qpos), character.skin())
    qpos[:, 1] += np.maximum(full.lowest(kin, full.skin()), 0.0) - down
    qvel = low_pass(np.gradient(qpos, times, axis=0), GRID, filter_hz)
    gain = np.zeros(character.model.nq)
    gain[0], gain[2] = qpos[-1, 0] - qpos[0, 0], _whole_turns(qpos[-1, 2] - qpos[0, 2])
    return Motion(times, qpos, qvel, gain, ())


def _forward_direction(way: np.ndarray) -> np.ndarray:
    """Return the direction [2] on the ground that the flat body faces: along the clip's path, or against it if
    backwards.
    """
    if np.linalg.norm(way) <= FAR:
        return np.array([1.0, 0.0])
    ahead = way / np.linalg.norm(way)
    return ahead * np.sign(ahead[0]) if abs(ahead[0]) > 0.7 else ahead


def _whole_turns(angle: float) -> float:
    """Return the whole turns in an angle, in rad."""
    return 2 * np.pi * np.round(angle / (2 * np.pi))


def to_mujoco_axes(vectors: np.ndarray) -> np.ndarray:
    """Convert from a clip's axes (x forwards, y up, z to the right) to MuJoCo's (x forwards, y to the left, z up)."""
    return np.stack([vectors[..., 0], -vectors[..., 2], vectors[..., 1]], -1)


def _to_mujoco_quaternions(turns: np.ndarray) -> np.ndarray:
    return np.concatenate([turns[..., :1], to_mujoco_axes(turns[..., 1:])], -1)
