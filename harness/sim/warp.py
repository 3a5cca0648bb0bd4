"""Worlds of one MuJoCo model side by side on a GPU, by mujoco-warp; on the CPU too, slowly.

Single precision and its own contact solver: it agrees with `Threads` statistically, not bit for bit.
"""

from __future__ import annotations

import mujoco
import numpy as np

from harness.errors import BenchError


class Warp:
    """The same interface as `Threads`; position and velocity are float64 copies of single-precision states."""

    def __init__(self, model: mujoco.MjModel, n: int, frame_skip: int):
        try:
            import mujoco_warp
        except ImportError:
            raise BenchError("physics on the GPU needs mujoco-warp: pip install 'vdb-bench[gpu]'") from None
        self._engine = mujoco_warp
        self.model, self.n, self.frame_skip = model, n, frame_skip
        self._model = mujoco_warp.put_model(model)
        self._data = mujoco_warp.put_data(model, mujoco.MjData(model), nworld=n)

    def set_state(self, qpos: np.ndarray, qvel: np.ndarray) -> None:
        self._engine.reset_data(self._model, self._data)
        self._data.qpos.assign(np.asarray(qpos, np.float32))
        self._data.qvel.assign(np.asarray(qvel, np.float32))

    def step(self, control: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Position [n, nq] and velocity [n, nv] after one control step under control [n, nu], cut to its range."""
        self._data.ctrl.assign(np.nan_to_num(control, nan=0.0, posinf=0.0, neginf=0.0).astype(np.float32))
        for _ in range(self.frame_skip):
            self._engine.step(self._model, self._data)
        return self._data.qpos.numpy().astype(np.float64), self._data.qvel.numpy().astype(np.float64)

    def full_state(self) -> np.ndarray:
        """[n, 1 + nq + nv + na]: time, position, velocity, activation."""
        data = self._data
        parts = data.time.numpy()[:, None], data.qpos.numpy(), data.qvel.numpy(), data.act.numpy()
        return np.concatenate(parts, 1).astype(np.float64)

    def load_full_state(self, state: np.ndarray) -> None:
        state = np.asarray(state, np.float32)
        ends = np.cumsum([1, self.model.nq, self.model.nv])
        time, qpos, qvel, act = np.split(state, ends, axis=1)
        Warp.set_state(self, qpos, qvel)  # a subclass may set some worlds only, by way of this function
        self._data.time.assign(time[:, 0])
        self._data.act.assign(act)
