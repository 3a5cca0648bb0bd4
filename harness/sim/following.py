"""Many worlds of characters that track a clip, on CPU threads or on a GPU, behind one interface.

The simulator's time is the clip's time, so the phase is part of the full state. An action in rad is added to the
controllers' targets. The state after a step is compared with the clip at that time.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from harness.maths.arrays import Array, namespace
from harness.sim.bodies import CONTROL_RATE, LEAD
from harness.sim.characters import Character
from harness.sim.motions import Motion
from harness.sim.threads import Threads
from harness.sim.warp import Warp

STEP = 1 / CONTROL_RATE  # s


@dataclass(frozen=True)
class Rules:
    """The rules of tracking.

    targets: what an action is added to: the middle of each joint's limits, as in DeepMimic, or the clip's next pose,
        advanced by the controller's lag.
    spared: the roles of shapes that may touch the ground.
    """

    targets: Literal["middle", "clip"] = "middle"
    spared: Collection[str] = ("foot",)


class Following:
    """`n` worlds of a character and a motion. A world depends neither on its neighbours nor on the number of threads.

    device: the device of mujoco-warp, which uses float32 tensors; None selects MuJoCo in numpy's float64 on `threads`.
    """

    def __init__(
        self,
        character: Character,
        motion: Motion,
        n: int,
        rules: Rules,
        threads: int | None = None,
        device: torch.device | None = None,
    ):
        self.character, self.motion, self.rules = character.on(device), motion.on(device), rules
        self.n, self.device = n, device
        self.height = 2 if character.kind == "humanoid" else 1  # its place in the positions
        self.skin, self.all_skin = self.character.skin(rules.spared), self.character.skin()
        model, skip = character.model, character.frame_skip
        self._physics: _OnThreads | _OnDevice
        self._physics = _OnThreads(model, n, skip, threads) if device is None else _OnDevice(model, n, skip, device)

    def begin(self, time: Array, which: Array | None = None) -> Array:
        """Put worlds `which` [n] bool (all by default) into the clip's states at the times [n] (s).

        Returns the observations [n, O] of all worlds. A pose below the ground is lifted onto it, because contacts would
        otherwise throw it into the air.
        """
        xp = namespace(time)
        which = xp.ones_like(time, dtype=bool) if which is None else which
        qpos, qvel = self.motion.at(time)
        low = self.character.lowest(self.character.forward(qpos, qvel), self.all_skin)
        qpos[:, self.height] = qpos[:, self.height] + xp.where(low < 0, -low, 0.0)
        self._physics.put(time, qpos, qvel, which)
        return self._observe()

    def step(self, action: Array) -> tuple[Array, Array]:
        """Make one control step with an action [n, A] (rad). Returns observations [n, O] and whether each has fallen
        [n].
        """
        if self.rules.targets == "middle":
            centre = self.character.middle
        else:
            centre = self.character.extrapolate(*self.motion.at(self.time + STEP), LEAD)
        self._physics.step(centre + action)
        observations = self._observe()
        return observations, self.character.fallen(*self._physics.joints(), self.kinematics, self.skin)

    def rewards(self) -> Array:
        """Return DeepMimic's rewards of the current states, [n]; 0 where they are not finite."""
        qpos, qvel = self._physics.joints()
        reference, velocity = self.motion.at(self.time)
        there = self.character.forward(reference, velocity)
        found = self.character.rewards((qpos, qvel, self.kinematics), (reference, velocity, there))
        return namespace(found).nan_to_num(found)

    def errors(self) -> Array:
        """Return the errors of the root and the joints in rad, [n, 13]; pi where they are not finite."""
        found = self.character.errors(self._physics.joints()[0], self.motion.at(self.time)[0])
        return namespace(found).nan_to_num(found, nan=np.pi)

    def poses(self) -> Array:
        """Return MuJoCo's positions, [n, nq]."""
        return self._physics.joints()[0]

    @property
    def time(self) -> Array:
        """The time of the clip in s, [n]."""
        return self._physics.time()

    def check(self) -> None:
        """Raise BenchError if the steps so far cannot be trusted."""
        if self.device is not None:
            self._physics.check()

    def full_state(self) -> Array:
        """Return everything that future steps depend on, [n, ...]; the clip's time comes first."""
        return self._physics.full_state()

    def load_full_state(self, state: Array) -> Array:
        """Load states and return their observations [n, O]."""
        self._physics.load_full_state(state)
        return self._observe()

    def _observe(self) -> Array:
        self.kinematics = self.character.forward(*self._physics.joints())
        found = self.character.observe(self.kinematics, self.motion.phase(self.time))
        return namespace(found).nan_to_num(found, nan=0.0, posinf=0.0, neginf=0.0)


class _OnThreads(Threads):
    def put(self, time: np.ndarray, qpos: np.ndarray, qvel: np.ndarray, which: np.ndarray) -> None:
        state = np.concatenate([time[:, None], qpos, qvel], 1)
        self._state[which] = state[which]

    def joints(self) -> tuple[np.ndarray, np.ndarray]:
        return self._state[:, self._qpos], self._state[:, self._qvel]

    def time(self) -> np.ndarray:
        return self._state[:, 0]


class _OnDevice(Warp):
    def put(self, time: torch.Tensor, qpos: torch.Tensor, qvel: torch.Tensor, which: torch.Tensor) -> None:
        self.set_state(qpos, qvel, which)
        held = self._state[0]
        held.copy_(torch.where(which[:, None], time[:, None], held))

    def joints(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self.qpos, self.qvel

    def time(self) -> torch.Tensor:
        return self._state[0][:, 0]
