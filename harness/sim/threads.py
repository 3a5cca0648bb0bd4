"""Many worlds of one MuJoCo model on CPU threads."""

from __future__ import annotations

import os

import mujoco
import numpy as np
from mujoco.rollout import Rollout

from harness.errors import BenchError
from harness.sim import clock

CONTROL = mujoco.mjtState.mjSTATE_CTRL.value
STATE = mujoco.mjtState.mjSTATE_FULLPHYSICS  # time, position, velocity, activation: all a step depends on


def finite(control: np.ndarray) -> np.ndarray:
    """Return the control with zeros in place of values that are not finite; the usual case costs one check."""
    return control if np.isfinite(control).all() else np.nan_to_num(control, nan=0.0, posinf=0.0, neginf=0.0)


class Threads:
    """`n` worlds; one control step is `frame_skip` steps of the simulator.

    A world's steps depend only on its own state and control, bit by bit, and neither on the number of threads nor on
    its neighbours.

    threads: the threads of the pool; by default one for each processor.
    """

    device = None  # arrays are numpy's

    def __init__(self, model: mujoco.MjModel, n: int, frame_skip: int, threads: int | None = None):
        if not model.opt.disableflags & mujoco.mjtDisableBit.mjDSBL_WARMSTART:
            raise BenchError(
                "the solver's warm start is on, but batched steps do not preserve it:"
                ' put <flag warmstart="disable"/> into the model\'s <option>'
            )
        clock.stop()
        self.model, self.n, self.frame_skip = model, n, frame_skip
        threads = threads or os.cpu_count() or 1
        pool = 0 if threads == 1 else threads
        self._rollout = Rollout(nthread=pool)
        self._data = [mujoco.MjData(model) for _ in range(threads)]
        self._models = [model] * n
        self._state = np.zeros((n, mujoco.mj_stateSize(model, STATE.value)))
        self._control = np.empty((n, frame_skip, model.nu))
        self._path = np.empty((n, frame_skip, self._state.shape[1]))
        self._sensors = np.empty((n, frame_skip, model.nsensordata))
        # The parts of the state come in the order of their bits; position and velocity follow the time.
        first = mujoco.mj_stateSize(model, mujoco.mjtState.mjSTATE_TIME.value)
        self._qpos = slice(first, first + model.nq)
        self._qvel = slice(first + model.nq, first + model.nq + model.nv)

    def set_state(self, qpos: np.ndarray, qvel: np.ndarray) -> None:
        """Set qpos [n, nq] and qvel [n, nv] as after a reset, at time 0."""
        self._state[:] = 0
        self._state[:, self._qpos], self._state[:, self._qvel] = qpos, qvel

    def step(self, control: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return position [n, nq] and velocity [n, nv] after one control step under control [n, nu], clipped to its
        range.
        """
        self._state[:] = self.advance(self._state, control)
        return self._state[:, self._qpos].copy(), self._state[:, self._qvel].copy()

    def advance(self, state: np.ndarray, control: np.ndarray) -> np.ndarray:
        """Return full states [m, nstate] one control step after `state` [m, nstate], m <= n; valid until the next call.

        A control that is not finite counts as zero; the caller can detect it in its own actions.
        """
        m = len(state)
        self._control[:m] = finite(control)[:, None]
        path = self._path[:m]
        self._rollout.rollout(
            self._models[:m],
            self._data,
            nstep=self.frame_skip,
            control_spec=CONTROL,
            skip_checks=True,
            initial_state=np.ascontiguousarray(state),
            control=self._control[:m],
            state=path,
            sensordata=self._sensors[:m],
        )
        return path[:, -1]

    def full_state(self) -> np.ndarray:
        """Return everything that future steps depend on, [n, nstate]."""
        return self._state.copy()

    def load_full_state(self, state: np.ndarray) -> None:
        self._state[:] = state
