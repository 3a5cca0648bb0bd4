"""Draw many pictures of the flat body at once: its shapes as anti-aliased capsules, seen from the right side.

The left side, the trunk and the right side have different brightness and are painted in that order. The view follows
the root along the ground, so a picture shows what an observation contains and is drawn from it. A pixel is as bright as
the share of it that a capsule covers, which is estimated from how far its centre is inside.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from harness.errors import BenchError
from harness.sim import bodies
from harness.sim.bodies import PARTS
from harness.sim.characters import PHASE, Character, Flat, rotate_in_plane

METRES, LOW = 2.2, -0.2  # of the view: its width, and the height of its lower edge
SHADES = (0.45, 0.7, 1.0)  # left, trunk, right
GROUND = 0.2  # brightness below the ground
CHUNK = 16  # pictures at a time, as many as stay in a processor's cache
NUMBERS = 7  # of a part in an observation: place 2, direction 2, velocity 2, spin


class Raster:
    """Draw size x size pictures in [0, 1] of states of `character`, on `device`. Raises BenchError unless the body is
    flat.
    """

    def __init__(self, character: Character, size: int, device: torch.device):
        if not isinstance(character, Flat):
            raise BenchError("only the flat body can be drawn as a picture: use body: flat")
        self.size = size
        shapes = [
            (0 if part.name.startswith("left") else 2 if part.name.startswith("right") else 1, k, shape)
            for k, part in enumerate(PARTS)
            for shape in part.shapes
        ]
        shapes.sort(key=lambda found: found[0])
        counts = [sum(layer < k for layer, _, _ in shapes) for k in range(len(SHADES) + 1)]
        self.layers = [slice(a, b) for a, b in pairwise(counts)]
        ends = [bodies.flat_axis(shape) for _, _, shape in shapes]

        def tensor(values) -> Tensor:
            return torch.as_tensor(values, dtype=torch.float32, device=device)

        self.of = torch.tensor([k for _, k, _ in shapes], device=device)
        self.ends = torch.stack([tensor([(a[0], a[2]), (b[0], b[2])]) for a, b, _ in ends])  # [K, 2, 2]
        self.radius = tensor([radius for *_, radius in ends])
        self.centres = tensor(character.centres)
        self.pixel = METRES / size
        steps = torch.arange(size, device=device)
        self.x = (steps + 0.5) * self.pixel - METRES / 2
        self.z = LOW + (size - 0.5 - steps) * self.pixel  # the first row is the top

    def __call__(self, observations: Tensor) -> Tensor:
        """Return pictures [..., size, size] of observations [..., O] of the flat body."""
        before = observations.shape[:-1]
        segments = self.segments(observations.flatten(0, -2))
        drawn = [self._drawn(part) for part in segments.split(CHUNK)]
        return torch.cat(drawn).view(*before, self.size, self.size)

    def segments(self, observations: Tensor) -> Tensor:
        """Return the two ends (x, z) of each shape's axis, [n, K, 2, 2], with x from the root and z from the ground."""
        parts = observations[:, 1:-PHASE].unflatten(1, (len(PARTS), NUMBERS))
        turn = torch.atan2(parts[..., 3], parts[..., 2])
        joints = parts[..., :2] - rotate_in_plane(turn, self.centres)
        ends = joints[:, self.of, None] + rotate_in_plane(turn[:, self.of, None], self.ends)
        height = torch.stack([torch.zeros_like(observations[:, 0]), observations[:, 0]], 1)
        return ends + height[:, None, None]

    def _drawn(self, segments: Tensor) -> Tensor:
        """Return pictures [n, size, size]. The squared distance d^2 to a segment is that to its start minus the part
        along it.

        The depth of a pixel inside a capsule is (r^2 - d^2) / 2 r, which has the slope of the distance at the surface
        and needs no root. Everything is computed in place, because memory is what takes the time.
        """
        start, along = segments[:, :, 0], segments[:, :, 1] - segments[:, :, 0]
        length = along.norm(dim=-1).clamp_min(1e-6)
        unit = along / length[..., None]
        dx, dz = self.x - start[..., :1], self.z - start[..., 1:]  # [n, K, size]
        t = (dx * unit[..., :1]).unsqueeze(2) + (dz * unit[..., 1:]).unsqueeze(3)
        on_axis = t.clamp_min(0).minimum(length[..., None, None])
        t.mul_(2).sub_(on_axis).mul_(on_axis)
        radius = self.radius[:, None]
        covered = ((dx.square() - radius.square()).unsqueeze(2) + dz.square().unsqueeze(3)).sub_(t)
        covered.mul_((-0.5 / (self.radius * self.pixel))[:, None, None]).add_(0.5)
        ground = (0.5 - self.z / self.pixel).clamp(0, 1) * GROUND
        picture = ground[None, :, None].expand(len(segments), self.size, self.size)
        for layer, shade in zip(self.layers, SHADES):
            alpha = covered[:, layer].amax(1).clamp_(0, 1)
            picture = torch.lerp(picture, torch.full_like(picture, shade), alpha)
        return picture
