"""Rotations as unit quaternions [..., 4] (w, x, y, z), as numpy arrays or torch tensors."""

from __future__ import annotations

from harness.maths.arrays import Array, as_like, namespace

TINY = 1e-12


def cross(a: Array, b: Array) -> Array:
    """Return the cross product a x b, [..., 3]."""
    (ax, ay, az), (bx, by, bz) = ((v[..., 0], v[..., 1], v[..., 2]) for v in (a, b))
    return namespace(a).stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], -1)


def dot(a: Array, b: Array) -> Array:
    """Return the scalar product over the last axis, which is kept with length 1."""
    return (a * b).sum(-1)[..., None]


def length(v: Array) -> Array:
    """Return |v| over the last axis, which is kept with length 1."""
    return namespace(v).sqrt(dot(v, v))


def unit(v: Array) -> Array:
    """Return v / |v|."""
    return v / length(v)


def product(a: Array, b: Array) -> Array:
    """Return the rotation that applies b first and then a."""
    aw, av, bw, bv = a[..., :1], a[..., 1:], b[..., :1], b[..., 1:]
    return namespace(a).concat([aw * bw - dot(av, bv), aw * bv + bw * av + cross(av, bv)], -1)


def inverse(q: Array) -> Array:
    return namespace(q).concat([q[..., :1], -q[..., 1:]], -1)


def rotate(q: Array, v: Array) -> Array:
    """Return v [..., 3] rotated by q."""
    twice = 2 * cross(q[..., 1:], v)
    return v + q[..., :1] * twice + cross(q[..., 1:], twice)


def angle(a: Array, b: Array) -> Array:
    """Return the angle [...] between two rotations, in [0, pi] rad; small angles are exact too."""
    between, xp = product(inverse(a), b), namespace(a)
    return 2 * xp.arctan2(length(between[..., 1:])[..., 0], abs(between[..., 0]))


def logarithm(q: Array) -> Array:
    """Return the rotation vector [..., 3] of q, whose length is at most pi rad."""
    xp = namespace(q)
    q = xp.where(q[..., :1] < 0, -q, q)
    sine = length(q[..., 1:])
    half = xp.arctan2(sine, q[..., :1])
    near = sine < TINY
    return q[..., 1:] * xp.where(near, 2.0, 2 * half / xp.where(near, 1.0, sine))


def exponential(v: Array) -> Array:
    """Return the rotation by |v| rad about v [..., 3]."""
    xp, half = namespace(v), length(v) / 2
    near = half < TINY
    return xp.concat([xp.cos(half), v * xp.where(near, 0.5, xp.sin(half) / xp.where(near, 1.0, 2 * half))], -1)


def slerp(a: Array, b: Array, w: Array) -> Array:
    """Interpolate from a (w = 0) to b (w = 1) at a constant rate along the shorter arc; w [..., 1]."""
    return product(a, exponential(w * logarithm(product(inverse(a), b))))


def from_axis_angle(axis: tuple[float, float, float], turn: Array) -> Array:
    """Return the rotations by turn [...] rad about an axis of length 1."""
    return exponential(turn[..., None] * as_like(axis, turn))
