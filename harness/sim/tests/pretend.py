"""In an engine's place: worlds whose steps are a few sums, in numpy or in tensors."""

from __future__ import annotations

import torch

from harness.maths.arrays import namespace, to_array


class Pretended:
    """place: a device, or a number of threads, which means numpy."""

    def __init__(self, model, n, frame_skip, place):
        self.model, self.n = model, n
        self.device = place if isinstance(place, torch.device) else None
        self.qpos, self.qvel = (to_array(torch.zeros(n, size), self.device) for size in (model.nq, model.nv))

    def set_state(self, qpos, qvel, which=None):
        xp = namespace(qpos)
        which = xp.ones_like(qpos[:, :1], dtype=bool) if which is None else which[:, None]
        self.qpos, self.qvel = xp.where(which, qpos, self.qpos), xp.where(which, qvel, self.qvel)

    def step(self, control):
        push = control.sum(1)[:, None]
        self.qpos, self.qvel = self.qpos + 0.05 * push, 0.9 * self.qvel + push
        return self.qpos, self.qvel

    def check(self):
        pass


class PretendedRobots(Pretended):
    def __init__(self, robot, n, place):
        super().__init__(robot.model, n, robot.frame_skip, place)

    def joints(self):
        return self.qpos, self.qvel

    def places(self):
        return 1 * self.qpos[:, :3]
