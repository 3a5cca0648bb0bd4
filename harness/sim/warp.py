"""Many worlds of one MuJoCo model on a GPU by mujoco-warp; on the CPU too, but slowly.

The engine's state and torch's tensors share memory, and no part of a step passes through the host. The engine uses
single precision and its own contact solver, so it agrees with `Threads` statistically, not bit by bit.
"""

from __future__ import annotations

import mujoco
import torch
from torch import Tensor

from harness.errors import BenchError
from harness.sim.cuda_graph import GraphedWork

ROWS = 64  # of constraints a world, at least; the engine's own default


class Warp:
    """Worlds with the interface of `Threads` in float32 tensors on `device`.

    Positions and velocities are the engine's own memory, which the next call changes.
    """

    def __init__(self, model: mujoco.MjModel, n: int, frame_skip: int, device: torch.device):
        try:
            import warp

            warp.config.log_level = warp.LOG_WARNING  # it would report each of a hundred kernels
            import mujoco_warp
        except ImportError:
            raise BenchError("physics on the GPU needs mujoco-warp: pip install 'vdb-bench[gpu]'") from None
        self.model, self.n, self.frame_skip, self.device = model, n, frame_skip, device
        self._engine, self.rows = mujoco_warp, max(ROWS, rows(model))
        warp.init()
        with warp.ScopedDevice(warp.device_from_torch(str(device))):
            self._model = mujoco_warp.put_model(model)
            self._data = data = mujoco_warp.put_data(model, mujoco.MjData(model), nworld=n, njmax=self.rows)
            warp.synchronize_device()
        self._model.opt.warn_overflow = 0  # `check` reports it
        if device.type == "cuda":
            self._model.opt.graph_conditional = warp.is_conditional_graph_supported()
        self.qpos, self.qvel, self.xpos = (warp.to_torch(part) for part in (data.qpos, data.qvel, data.xpos))
        self._control, self._overflow = warp.to_torch(data.ctrl), warp.to_torch(data.overflow)
        act = warp.to_torch(data.act) if model.na else self.qpos[:, :0]
        self._state = warp.to_torch(data.time).unsqueeze(1), self.qpos, self.qvel, act
        kinds = mujoco_warp.OverflowType
        self._lost = int(kinds.NEFC | kinds.NJMAX_NNZ | kinds.BROADPHASE | kinds.NARROWPHASE | kinds.CCD)
        self._advance = GraphedWork(self._steps, device)

    def _steps(self) -> None:
        for _ in range(self.frame_skip):
            self._engine.step(self._model, self._data)

    def set_state(self, qpos: Tensor, qvel: Tensor, which: Tensor | None = None) -> None:
        """Set worlds `which` [n] bool (all) to qpos [n, nq] and qvel [n, nv] as after a reset, at time 0."""
        which = (torch.ones_like(self.qpos[:, 0], dtype=bool) if which is None else which).unsqueeze(1)
        for part, value in zip(self._state, (0.0, qpos, qvel, 0.0)):
            part.copy_(torch.where(which, value, part))

    def step(self, control: Tensor) -> tuple[Tensor, Tensor]:
        """Return position [n, nq] and velocity [n, nv] after one control step under control [n, nu], clipped to its
        range.
        """
        self._control.copy_(torch.nan_to_num(control, nan=0.0, posinf=0.0, neginf=0.0))
        self._advance()
        return self.qpos, self.qvel

    def check(self) -> None:
        """Raise BenchError if the engine lacked room for all contacts since the last call. Waits for the device."""
        lost = (self._overflow & self._lost).any()
        self._overflow.zero_()
        if lost:
            raise BenchError(
                f"mujoco-warp dropped contacts: they need more than {self.rows} rows a world; use physics: mujoco"
            )

    def full_state(self) -> Tensor:
        """Return time, position, velocity and activation, [n, 1 + nq + nv + na]."""
        return torch.cat(self._state, 1)

    def load_full_state(self, state: Tensor) -> None:
        for part, value in zip(self._state, state.split([part.shape[1] for part in self._state], 1)):
            part.copy_(value)


def rows(model: mujoco.MjModel) -> int:
    """Return the constraint rows needed if every geom touched something twice and all joints were at their limits."""
    of_contacts = sum(max(1, 2 * (dim - 1)) for dim in model.geom_condim.tolist())
    return 2 * of_contacts + int(model.jnt_limited.sum())
