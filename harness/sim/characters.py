"""Compute kinematics, observations, falls, errors and rewards from many states of a character at once.

A state is MuJoCo's qpos [n, nq] and qvel [n, nv]. All functions work on numpy arrays and on torch tensors. The
observation is that of DeepMimic (Peng et al. 2018): the height of the root; for each part the position and velocity of
its centre relative to the root, its orientation and its angular velocity; and the phase of the clip as cosine and sine.
It contains neither the position of the character along the ground nor, in three dimensions, its heading.
"""

from __future__ import annotations

import copy
from collections.abc import Collection
from functools import cached_property
from typing import NamedTuple, Self

import mujoco
import numpy as np
import torch

from harness.maths.arrays import Array, namespace
from harness.maths.rotations import angle, cross, exponential, from_axis_angle, logarithm, product, rotate
from harness.sim import bodies
from harness.sim.bodies import CONTROL_RATE, INDEX, JOINTS, PARENTS, PARTS

GROUND = 0.002  # m: a shape that comes closer touches the ground
FASTEST = 200.0  # rad/s or m/s: beyond it the physics has failed, which counts as a fall
PHASE = 2  # numbers that tell the phase


class Kinematics(NamedTuple):
    """The kinematics of each of the 13 parts.

    place: [n, 13, D], the position of its joint.
    turn: its orientation.
    velocity: [n, 13, D], the velocity of its joint.
    spin: its angular velocity.

    In space D is 3, orientations are quaternions [n, 13, 4] and angular velocities [n, 13, 3]. In the plane D is 2 (x,
    z), and both are [n, 13] about -y.
    """

    place: Array
    turn: Array
    velocity: Array
    spin: Array


class Skin(NamedTuple):
    """Points whose lowest one is the lowest point of the shapes.

    of: [P], the part of each point.
    at: [P, D], the position in that part.
    radius: [P], the radius around the point.
    """

    of: Array
    at: Array
    radius: Array


class Character:
    """A body and the functions of its state. `on` moves the constants that CONSTANTS names to a device.

    rate: the physics steps per second.
    """

    kind: bodies.Kind
    CONSTANTS = ("weights", "mass", "centres", "middle", "of", "at", "radius", "hand")
    turns: tuple[int, ...]  # places of quaternions in qpos

    def __init__(self, rate: int = 240):
        if rate % CONTROL_RATE:
            raise ValueError(f"rate must be a multiple of {CONTROL_RATE} Hz, got {rate}")
        self.rate, self.frame_skip = rate, rate // CONTROL_RATE
        weights = np.array([part.weight for part in PARTS])
        self.weights: Array = weights / weights.sum()
        self.mass: Array = np.array([sum(shape.mass for shape in part.shapes) for part in PARTS])
        self.centres: Array = self._project(
            np.array([sum(s.mass * np.array(s.centre) for s in part.shapes) for part in PARTS]) / self.mass[:, None]
        )
        self.hand: Array = self._project(np.array(bodies.HAND))
        points = [(k, *point) for k, part in enumerate(PARTS) for shape in part.shapes for point in self._points(shape)]
        of, at, radius, roles = zip(*points)
        self.of: Array = np.array(of)
        self.at: Array = self._project(np.array(at))
        self.radius: Array = np.array(radius)
        self._roles = np.array(roles)

    @cached_property
    def model(self) -> mujoco.MjModel:
        return bodies.model(self.kind, self.rate)

    @cached_property
    def _addresses(self) -> dict[str, tuple[int, int]]:
        """For each part, the first index in qpos and in qvel of its rotation."""
        own = {part.name: self.model.joint(part.name) for part in PARTS}
        return {name: (int(joint.qposadr[0]), int(joint.dofadr[0])) for name, joint in own.items()}

    def on(self, device: torch.device | None) -> Self:
        """Return the same character with constants as float32 tensors on `device`; without a device, return itself."""
        if device is None:
            return self
        moved = copy.copy(self)
        for name in self.CONSTANTS:
            value = torch.as_tensor(getattr(self, name), device=device)
            setattr(moved, name, value.float() if value.is_floating_point() else value)
        return moved

    # What each of the two bodies defines.

    def _project(self, vectors: np.ndarray) -> np.ndarray:
        """Return vectors [..., 3] of the table in the space of the body."""
        raise NotImplementedError

    def _points(self, shape: bodies.Shape) -> list[tuple[np.ndarray, float, str]]:
        """Return points with radii and the role of a shape; the lowest of them is the shape's lowest point."""
        raise NotImplementedError

    def forward(self, qpos: Array, qvel: Array) -> Kinematics:
        raise NotImplementedError

    def offset(self, kin: Kinematics, parts: Array | slice, vectors: Array) -> Array:
        """Return vectors [..., D] in the frames of `parts` along the world's axes, [n, parts, D]."""
        raise NotImplementedError

    def observe(self, kin: Kinematics, phase: Array) -> Array:
        """Return observations [n, O] from the kinematics and the phase [n] in [0, 1)."""
        raise NotImplementedError

    def errors(self, qpos: Array, reference: Array) -> Array:
        """Return the angle between two poses in rad, [n, 13]: of the root in the world, and of each joint in its
        parent.
        """
        raise NotImplementedError

    def _angular_velocities(self, qvel: Array) -> Array:
        """Return angular velocities in rad/s, [n, 13, 1 or 3]: of the root, and of each joint in its parent."""
        raise NotImplementedError

    def _end_effectors(self, kin: Kinematics) -> Array:
        """Return the positions of feet and hands in m, [n, 4, D], relative to the root's place on the ground and its
        heading.
        """
        raise NotImplementedError

    def _height(self, vectors: Array) -> Array:
        return vectors[..., -1]

    def extrapolate(self, qpos: Array, qvel: Array, seconds: float) -> Array:
        """Return the targets [n, A] of the pose in `seconds`, if the joints continued at their velocities."""
        raise NotImplementedError

    # What follows for both.

    @cached_property
    def observation_size(self) -> int:
        qpos, qvel = (np.zeros((1, size)) for size in (self.model.nq, self.model.nv))
        for k in self.turns:
            qpos[:, k] = 1.0
        return self.observe(self.forward(qpos, qvel), np.zeros(1)).shape[1]

    def skin(self, spared: Collection[str] = ()) -> Skin:
        """Return the points of all shapes except those with the roles `spared`."""
        which = np.flatnonzero(~np.isin(self._roles, list(spared)))
        pick = which if isinstance(self.of, np.ndarray) else torch.as_tensor(which, device=self.of.device)
        return Skin(self.of[pick], self.at[pick], self.radius[pick])

    def lowest(self, kin: Kinematics, skin: Skin) -> Array:
        """Return the height of the lowest point in m, [n]."""
        heights = self._height(kin.place[:, skin.of] + self.offset(kin, skin.of, skin.at)) - skin.radius
        return namespace(heights).amin(heights, 1)

    def fallen(self, qpos: Array, qvel: Array, kin: Kinematics, skin: Skin) -> Array:
        """Return whether a point of the skin touches the ground or the physics has failed, [n] bool."""
        xp = namespace(qpos)
        sound = xp.isfinite(qpos).all(1) & xp.isfinite(qvel).all(1) & (abs(qvel) < FASTEST).all(1)
        return ~sound | (self.lowest(kin, skin) < GROUND)

    def velocities(self, kin: Kinematics) -> Array:
        """Return the velocities of the parts' centres of mass in m/s, [n, 13, D]."""
        raise NotImplementedError

    def rewards(self, state: tuple[Array, Array, Kinematics], reference: tuple[Array, Array, Kinematics]) -> Array:
        """Return how close a state (qpos, qvel, kinematics) is to the clip's, [n] in (0, 1] (Peng et al. 2018, Eqs. 5
        to 9).

        Weights and scales are those of the code of 2018, where end effectors have the scale 40. The clip is compared
        wherever the character is along the ground, so only the height of the root's position counts.
        """
        (qpos, qvel, kin), (qpos_r, qvel_r, kin_r) = state, reference
        xp = namespace(qpos)
        turned = xp.square(self.errors(qpos, qpos_r))
        spun = xp.square(self._angular_velocities(qvel) - self._angular_velocities(qvel_r)).sum(-1)
        ends = xp.square(self._end_effectors(kin) - self._end_effectors(kin_r)).sum(-1).mean(1)
        height = xp.square(self._height(kin.place[:, 0] - kin_r.place[:, 0]))
        speed = xp.square(kin.velocity[:, 0] - kin_r.velocity[:, 0]).sum(-1)
        root = height + 0.1 * turned[:, 0] + 0.01 * speed + 0.001 * spun[:, 0]
        mass = xp.square(self.mass_velocity(kin) - self.mass_velocity(kin_r)).sum(-1)
        return (
            0.5 * xp.exp(-2 * (self.weights * turned).sum(1))
            + 0.05 * xp.exp(-0.1 * (self.weights * spun).sum(1))
            + 0.15 * xp.exp(-40 * ends)
            + 0.2 * xp.exp(-5 * root)
            + 0.1 * xp.exp(-10 * (0.1 * mass))
        )

    def mass_velocity(self, kin: Kinematics) -> Array:
        """Return the velocity of the whole body's centre of mass in m/s, [n, D]."""
        return (self.velocities(kin) * self.mass[:, None]).sum(1) / self.mass.sum()


class Humanoid(Character):
    kind = "humanoid"

    def __init__(self, rate: int = 240):
        super().__init__(rate)
        at = self._addresses
        self.turns = (3, *(at[part.name][0] for part in JOINTS if part.joint == "ball"))
        self.middle: Array = np.concatenate([
            [np.mean(part.limits)] if part.joint == "hinge" else np.zeros(3) for part in JOINTS
        ])

    def _project(self, vectors):
        return vectors

    def _points(self, shape):
        centre, size = np.array(shape.centre), np.array(shape.size)
        if shape.kind == "box":
            corners = np.stack(np.meshgrid(*[[-0.5, 0.5]] * 3), -1).reshape(-1, 3)
            return [(centre + corner * size, 0.0, shape.role) for corner in corners]
        start, end, radius = bodies.flat_axis(shape)
        return [(point, radius, shape.role) for point in ((start,) if shape.kind == "sphere" else (start, end))]

    def forward(self, qpos, qvel):
        xp = namespace(qpos)
        place, turn, velocity = [qpos[:, :3]], [qpos[:, 3:7]], [qvel[:, :3]]
        spin = [rotate(turn[0], qvel[:, 3:6])]
        for part, parent in zip(JOINTS, PARENTS[1:]):
            arm = rotate(turn[parent], _like(part.place, qpos))
            j, d = self._addresses[part.name]
            if part.joint == "ball":
                own, own_spin = qpos[:, j : j + 4], qvel[:, d : d + 3]
            else:
                own, zero = from_axis_angle((0.0, -1.0, 0.0), qpos[:, j]), xp.zeros_like(qvel[:, d])
                own_spin = xp.stack([zero, -qvel[:, d], zero], 1)
            place.append(place[parent] + arm)
            velocity.append(velocity[parent] + cross(spin[parent], arm))
            turn.append(product(turn[parent], own))
            spin.append(spin[parent] + rotate(turn[-1], own_spin))
        return Kinematics(*(xp.stack(parts, 1) for parts in (place, turn, velocity, spin)))

    def offset(self, kin, parts, vectors):
        return rotate(kin.turn[:, parts], vectors)

    def velocities(self, kin):
        return kin.velocity + cross(kin.spin, rotate(kin.turn, self.centres))

    def heading(self, kin: Kinematics) -> tuple[Array, Array]:
        """Return cosine and sine [n] of the direction along the ground in which the root's forward axis points.

        The direction is undefined where that axis is upright and jumps there in the backflip, as in DeepMimic.
        """
        forward = rotate(kin.turn[:, 0], _like((1.0, 0.0, 0.0), kin.place))
        along = namespace(kin.place).arctan2(forward[:, 1], forward[:, 0])
        return namespace(kin.place).cos(along), namespace(kin.place).sin(along)

    def _in_heading_frame(self, kin: Kinematics, vectors: Array) -> Array:
        """Return world vectors [n, ..., 3] in a frame that turns with the heading."""
        between = [1] * (vectors.ndim - 2)
        c, s = (x.reshape(-1, *between) for x in self.heading(kin))
        x, y = vectors[..., 0], vectors[..., 1]
        return namespace(vectors).stack([c * x + s * y, c * y - s * x, vectors[..., 2]], -1)

    def observe(self, kin, phase):
        """Return 1 + 13 (place 3, two axes 6, velocity 3, spin 3) + 2 = 198 numbers, with vectors relative to the
        heading.
        """
        xp = namespace(phase)
        arm = rotate(kin.turn, self.centres)
        ahead, up = (rotate(kin.turn, _like(axis, phase)) for axis in ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0)))
        seen = [kin.place + arm - kin.place[:, :1], ahead, up, kin.velocity + cross(kin.spin, arm), kin.spin]
        parts = self._in_heading_frame(kin, xp.stack(seen, 2))
        return xp.concat([kin.place[:, 0, 2:], parts.reshape(len(phase), -1), _circle(phase)], 1)

    def errors(self, qpos, reference):
        found = [angle(qpos[:, 3:7], reference[:, 3:7])]
        for part in JOINTS:
            j = self._addresses[part.name][0]
            if part.joint == "ball":
                found.append(angle(qpos[:, j : j + 4], reference[:, j : j + 4]))
            else:
                found.append(abs(qpos[:, j] - reference[:, j]))
        return namespace(qpos).stack(found, 1)

    def _angular_velocities(self, qvel):
        xp, found = namespace(qvel), [qvel[:, 3:6]]
        for part in JOINTS:
            d = self._addresses[part.name][1]
            one = qvel[:, d : d + 1]
            found.append(qvel[:, d : d + 3] if part.joint == "ball" else xp.concat([one, 0 * one, 0 * one], 1))
        return xp.stack(found, 1)

    def _end_effectors(self, kin):
        xp = namespace(kin.place)
        of = [INDEX[name] for name in bodies.ENDS]
        feet, hands = (
            [kin.place[:, k] for k in of[:2]],
            [kin.place[:, k] + rotate(kin.turn[:, k], self.hand) for k in of[2:]],
        )
        ends, root = xp.stack([*feet, *hands], 1), kin.place[:, 0]
        ground = xp.stack([root[:, 0], root[:, 1], 0 * root[:, 2]], 1)
        return self._in_heading_frame(kin, ends - ground[:, None])

    def extrapolate(self, qpos, qvel, seconds):
        found = []
        for part in JOINTS:
            j, d = self._addresses[part.name]
            if part.joint == "ball":
                found.append(logarithm(product(qpos[:, j : j + 4], exponential(seconds * qvel[:, d : d + 3]))))
            else:
                found.append(qpos[:, j : j + 1] + seconds * qvel[:, d : d + 1])
        return namespace(qpos).concat(found, 1)


class Flat(Character):
    kind = "flat"
    turns = ()

    def __init__(self, rate: int = 240):
        super().__init__(rate)
        at = self._addresses
        if [at[part.name][0] for part in PARTS] != [2, *(at[part.name][1] for part in JOINTS)]:
            raise ValueError("the flat body's positions and velocities must have the same indices")
        self.middle: Array = np.array([np.mean(part.limits) for part in JOINTS])
        self.order: Array = np.array([at[part.name][0] for part in PARTS])

    CONSTANTS = (*Character.CONSTANTS, "order")

    def _project(self, vectors):
        return vectors[..., [0, 2]]

    def _points(self, shape):
        start, end, radius = bodies.flat_axis(shape)
        return [(point, radius, shape.role) for point in ((start,) if shape.kind == "sphere" else (start, end))]

    def forward(self, qpos, qvel):
        xp = namespace(qpos)
        place, turn, velocity, spin = [qpos[:, :2]], [qpos[:, 2]], [qvel[:, :2]], [qvel[:, 2]]
        for part, parent in zip(JOINTS, PARENTS[1:]):
            arm = rotate_in_plane(turn[parent], _like((part.place[0], part.place[2]), qpos))
            j = self._addresses[part.name][0]
            place.append(place[parent] + arm)
            velocity.append(velocity[parent] + spin[parent][:, None] * perpendicular(arm))
            turn.append(turn[parent] + qpos[:, j])
            spin.append(spin[parent] + qvel[:, j])
        return Kinematics(*(xp.stack(parts, 1) for parts in (place, turn, velocity, spin)))

    def offset(self, kin, parts, vectors):
        return rotate_in_plane(kin.turn[:, parts], vectors)

    def velocities(self, kin):
        return kin.velocity + kin.spin[..., None] * perpendicular(rotate_in_plane(kin.turn, self.centres))

    def observe(self, kin, phase):
        """Return 1 + 13 (place 2, direction 2, velocity 2, spin 1) + 2 = 94 numbers."""
        xp = namespace(phase)
        arm = rotate_in_plane(kin.turn, self.centres)
        seen = [
            kin.place + arm - kin.place[:, :1],
            xp.stack([xp.cos(kin.turn), xp.sin(kin.turn)], -1),
            kin.velocity + kin.spin[..., None] * perpendicular(arm),
            kin.spin[..., None],
        ]
        return xp.concat([kin.place[:, 0, 1:], xp.concat(seen, -1).reshape(len(phase), -1), _circle(phase)], 1)

    def errors(self, qpos, reference):
        away = qpos[:, self.order] - reference[:, self.order]
        return abs(namespace(qpos).remainder(away + np.pi, 2 * np.pi) - np.pi)

    def _angular_velocities(self, qvel):
        return qvel[:, self.order][..., None]

    def _end_effectors(self, kin):
        xp = namespace(kin.place)
        of = [INDEX[name] for name in bodies.ENDS]
        feet, hands = (
            [kin.place[:, k] for k in of[:2]],
            [kin.place[:, k] + rotate_in_plane(kin.turn[:, k], self.hand) for k in of[2:]],
        )
        ends, root = xp.stack([*feet, *hands], 1), kin.place[:, 0]
        return ends - xp.stack([root[:, 0], 0 * root[:, 1]], 1)[:, None]

    def extrapolate(self, qpos, qvel, seconds):
        joints = self.order[1:]
        return qpos[:, joints] + seconds * qvel[:, joints]


CHARACTERS: dict[str, type[Character]] = {"humanoid": Humanoid, "flat": Flat}


def rotate_in_plane(turn: Array, vectors: Array) -> Array:
    """Rotate vectors [..., 2] (x, z) by the angles [...] about -y."""
    xp = namespace(turn)
    c, s, x, z = xp.cos(turn), xp.sin(turn), vectors[..., 0], vectors[..., 1]
    return xp.stack([c * x - s * z, s * x + c * z], -1)


def perpendicular(vectors: Array) -> Array:
    """Rotate vectors [..., 2] (x, z) by 90 degrees about -y, which gives the velocity of their ends at 1 rad/s."""
    return namespace(vectors).stack([-vectors[..., 1], vectors[..., 0]], -1)


def _circle(phase: Array) -> Array:
    xp = namespace(phase)
    return xp.stack([xp.cos(2 * np.pi * phase), xp.sin(2 * np.pi * phase)], 1)


def _like(vector: tuple[float, ...], x: Array) -> Array:
    """Return a short constant as an array of the kind of x; it is made on the device, without a copy from the host."""
    if isinstance(x, np.ndarray):
        return np.asarray(vector)
    return torch.stack([torch.full((), value, dtype=x.dtype, device=x.device) for value in vector])
