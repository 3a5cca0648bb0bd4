"""Many worlds of Gymnasium's MuJoCo robots: its own models, observations, rewards and terminations.

They follow version 5 of each environment (Towers et al. 2024). The Ant has neither contact costs nor contact forces in
its observations, because batched steps do not return them. The solver's warm start is off, so that a step depends on
the state alone. The rules are written once for both numpy arrays and torch tensors.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import mujoco
import numpy as np
import torch
from torch import Tensor

from harness.maths.arrays import Array, as_like, namespace
from harness.sim.cuda_graph import GraphedWork
from harness.sim.threads import STATE, Threads, finite
from harness.sim.warp import Warp

Where = Callable[[str], Array]  # a body's name -> its place [..., 3]
Healthy = Callable[[Array, Array], Array]  # positions [n, nq], velocities [n, nv] -> [n] bool


@dataclass(frozen=True)
class Robot:
    """The rules of the Gymnasium environment of that name.

    noise: of the initial position (uniform, +-) and velocity.
    hidden: the number of leading positions that are not observed.
    normal: whether the noise of the velocity is Gaussian.
    clip: the bound of observed velocities.
    forward, control, alive: the weights of the reward for m/s forwards, squared action and being healthy.
    body: the reward uses the velocity of this body as of the last integration stage; None uses the first joint.
    horizon: the steps of an episode.
    mark: the return that an expert should reach over `horizon` steps.
    """

    name: str
    xml: str
    frame_skip: int
    noise: float
    hidden: int
    normal: bool = False
    clip: float = np.inf
    forward: float = 1.0
    control: float = 0.0
    alive: float = 0.0
    healthy: Healthy | None = None
    body: str | None = None
    horizon: int = 1000
    mark: float | None = None

    @property
    def path(self) -> Path:
        package = Path(importlib.util.find_spec("gymnasium").origin).parent  # not imported: that needs a renderer
        return package / "envs/mujoco/assets" / self.xml

    @cached_property
    def model(self) -> mujoco.MjModel:
        before = mujoco.get_mju_user_warning()
        mujoco.set_mju_user_warning(lambda text: None)  # the files are Gymnasium's; warnings would fill a log file
        try:
            model = mujoco.MjModel.from_xml_path(str(self.path))
        finally:
            mujoco.set_mju_user_warning(before)
        # The search for islands of bodies takes a twelfth of the time on Hopper; without it the bits are the same.
        model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_WARMSTART | mujoco.mjtDisableBit.mjDSBL_ISLAND
        return model

    @property
    def dt(self) -> float:
        """The seconds of a control step."""
        return self.model.opt.timestep * self.frame_skip

    @property
    def observation_size(self) -> int:
        return self.model.nq + self.model.nv - self.hidden

    @property
    def draws(self) -> int:
        """The number of random numbers for a reset."""
        return self.model.nq + self.model.nv

    def reset(self, uniform: Array, normal: Array) -> tuple[Array, Array]:
        """Return positions [n, nq] and velocities [n, nv] from numbers [n, draws], in [0, 1) and standard normal."""
        nq = self.model.nq
        start = as_like(mujoco.MjData(self.model).qpos, uniform)
        even = self.noise * (2 * uniform - 1)
        return start + even[:, :nq], self.noise * normal[:, nq:] if self.normal else even[:, nq:]

    def place(self, where: Where) -> Array:
        """Return the position of `body` in m, [..., 3]."""
        return where(self.body)

    def observe(self, qpos: Array, qvel: Array, place: Array) -> Array:
        """Return observations [n, O]; place [n, 3] is the position of `body`."""
        xp = namespace(qpos)
        return xp.concat([qpos[:, self.hidden :], xp.clip(qvel, -self.clip, self.clip)], 1)

    def is_healthy(self, qpos: Array, qvel: Array) -> Array:
        if self.healthy is None:
            return namespace(qpos).ones_like(qpos[:, 0], dtype=bool)
        return self.healthy(qpos, qvel)

    def reward(self, before: Array, after: Array, action: Array, healthy: Array) -> Array:
        """Return rewards [n] from positions [n, 3] before and after, of which x counts, the raw action [n, A] and
        health [n].
        """
        speed = (after[:, 0] - before[:, 0]) / self.dt
        return self.forward * speed + self.alive * healthy - self.control * namespace(action).square(action).sum(1)


class Pendulum(Robot):
    def reward(self, before, after, action, healthy):
        return 1.0 * healthy


class Reacher(Robot):
    """A finger that should touch a target; the positions are two angles and the target's position."""

    @property
    def observation_size(self) -> int:
        return 10

    @property
    def draws(self) -> int:
        return self.model.nq + self.model.nv + 2

    def reset(self, uniform, normal):
        """Place the target uniformly in a disc of 0.2 m, by radius and angle from the last two numbers."""
        xp, nq, nv = namespace(uniform), self.model.nq, self.model.nv
        qpos = as_like(mujoco.MjData(self.model).qpos, uniform) + self.noise * (2 * uniform[:, :nq] - 1)
        radius, angle = 0.2 * xp.sqrt(uniform[:, -2]), 2 * np.pi * uniform[:, -1]
        qpos[:, 2:] = xp.stack([radius * xp.cos(angle), radius * xp.sin(angle)], 1)
        qvel = 0.005 * (2 * uniform[:, nq : nq + nv] - 1)
        qvel[:, 2:] = 0
        return qpos, qvel

    def place(self, where):
        """Return the vector from the target to the fingertip."""
        return where(self.body) - where("target")

    def observe(self, qpos, qvel, place):
        xp, angles = namespace(qpos), qpos[:, :2]
        return xp.concat([xp.cos(angles), xp.sin(angles), qpos[:, 2:], qvel[:, :2], place[:, :2]], 1)

    def reward(self, before, after, action, healthy):
        xp = namespace(action)
        return -xp.sqrt(xp.square(after).sum(1)) - xp.square(action).sum(1)


def _upright(qpos: Array, qvel: Array) -> Array:
    rest = namespace(qpos).concat([qpos, qvel], 1)[:, 2:]
    return (abs(rest) < 100).all(1) & (qpos[:, 1] > 0.7) & (abs(qpos[:, 2]) < 0.2)


def _walking(qpos: Array, qvel: Array) -> Array:
    return (qpos[:, 1] > 0.8) & (qpos[:, 1] < 2.0) & (abs(qpos[:, 2]) < 1.0)


def _finite(qpos: Array, qvel: Array) -> Array:
    xp = namespace(qpos)
    return xp.isfinite(qpos).all(1) & xp.isfinite(qvel).all(1)


def _on_legs(qpos: Array, qvel: Array) -> Array:
    return _finite(qpos, qvel) & (qpos[:, 2] >= 0.2) & (qpos[:, 2] <= 1.0)


def _balanced(qpos: Array, qvel: Array) -> Array:
    return _finite(qpos, qvel) & (abs(qpos[:, 1]) <= 0.2)


ROBOTS = {
    robot.name: robot
    for robot in (
        Robot("HalfCheetah-v5", "half_cheetah.xml", 5, 0.1, 1, normal=True, control=0.1, mark=4000),
        Robot("Hopper-v5", "hopper.xml", 4, 5e-3, 1, clip=10, control=1e-3, alive=1.0, healthy=_upright, mark=2800),
        Robot(
            "Walker2d-v5", "walker2d_v5.xml", 4, 5e-3, 1, clip=10, control=1e-3, alive=1.0, healthy=_walking, mark=3000
        ),
        Robot("Swimmer-v5", "swimmer.xml", 4, 0.1, 2, control=1e-4, mark=100),
        Robot(
            "Ant-v5",
            "ant.xml",
            5,
            0.1,
            2,
            normal=True,
            control=0.5,
            alive=1.0,
            healthy=_on_legs,
            body="torso",
            mark=3000,
        ),
        Pendulum("InvertedPendulum-v5", "inverted_pendulum.xml", 2, 0.01, 0, healthy=_balanced),
        Reacher("Reacher-v5", "reacher.xml", 2, 0.1, 0, body="fingertip", horizon=50, mark=-5),
    )
}


class Worlds:
    """Simulate `n` worlds of one robot. A world's steps depend neither on its neighbours nor on the number of threads.

    device: where mujoco-warp simulates in single precision, with all tensors there and nothing read by the host;
        `threads` is then ignored. None selects MuJoCo in numpy's float64.
    """

    def __init__(self, robot: Robot, n: int, threads: int | None = None, device: torch.device | None = None):
        self.robot, self.device = robot, device
        if device is None:
            self._simulation = (_OneByOne if robot.body else _Batched)(robot, n, threads)
        else:
            self._simulation = _ByWarp(robot, n, device)
        self._place = self._simulation.places()

    def set_state(self, qpos: Array, qvel: Array, which: Array | None = None) -> Array:
        """Put worlds `which` [n] bool (all by default) into states [n, nq], [n, nv] of a reset.

        Returns the observations [n, O] of all worlds.
        """
        xp = namespace(qpos)
        which = xp.ones_like(qpos[:, 0], dtype=bool) if which is None else which
        self._simulation.set_state(qpos, qvel, which)
        self._place = xp.where(which[:, None], self._simulation.places(), self._place)
        return self._observe()

    def step(self, action: Array) -> tuple[Array, Array, Array]:
        """Make one control step under action [n, A]. Returns observations [n, O], rewards [n] and health [n] bool.

        The motors clip the action to their range; the reward uses it as given, as in Gymnasium.
        """
        before = self._place
        self._simulation.step(action)
        self._place = self._simulation.places()
        healthy = self.robot.is_healthy(*self._simulation.joints())
        return self._observe(), self.robot.reward(before, self._place, action, healthy), healthy

    def check(self) -> None:
        """Raise BenchError if the steps so far cannot be trusted."""
        if self.device is not None:
            self._simulation.check()

    def full_state(self) -> Array:
        """Return everything that future steps and their rewards depend on, [n, ...]."""
        return namespace(self._place).concat([self._simulation.full_state(), self._place], 1)

    def load_full_state(self, state: Array) -> Array:
        """Load states and return their observations [n, O]."""
        self._simulation.load_full_state(state[:, :-3])
        self._place = state[:, -3:]
        return self._observe()

    def _observe(self) -> Array:
        return self.robot.observe(*self._simulation.joints(), self._place)


class _Batched(Threads):
    """Worlds that mujoco.rollout steps all at once."""

    def __init__(self, robot: Robot, n: int, threads: int | None):
        super().__init__(robot.model, n, robot.frame_skip, threads)

    def set_state(self, qpos, qvel, which):
        old = self.full_state()
        super().set_state(qpos, qvel)
        self._state[~which] = old[~which]

    def joints(self) -> tuple[np.ndarray, np.ndarray]:
        return self._state[:, self._qpos].copy(), self._state[:, self._qvel].copy()

    def places(self) -> np.ndarray:
        """Return the position of the first joint, which is forwards."""
        places = np.zeros((self.n, 3))
        places[:, 0] = self._state[:, self._qpos.start]
        return places


class _OneByOne:
    """Worlds with a data structure each, stepped one after the other; positions of bodies are those after a step.

    With the Runge-Kutta integrator these are of its last stage, not of the new positions, and mujoco.rollout does not
    return them. Gymnasium rewards their change.
    """

    def __init__(self, robot: Robot, n: int, threads: int | None):
        self.robot, self.model = robot, robot.model
        self._data = [mujoco.MjData(robot.model) for _ in range(n)]
        threads = min(n, threads or os.cpu_count() or 1)
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None

    def set_state(self, qpos: np.ndarray, qvel: np.ndarray, which: np.ndarray) -> None:
        for i in np.flatnonzero(which):
            data = self._data[i]
            mujoco.mj_resetData(self.model, data)
            data.qpos[:], data.qvel[:] = qpos[i], qvel[i]
            mujoco.mj_forward(self.model, data)

    def step(self, control: np.ndarray) -> None:
        def one(pair: tuple[mujoco.MjData, np.ndarray]) -> None:
            pair[0].ctrl[:] = pair[1]
            mujoco.mj_step(self.model, pair[0], nstep=self.robot.frame_skip)

        for _ in (self._pool.map if self._pool else map)(one, zip(self._data, finite(control))):
            pass

    def joints(self) -> tuple[np.ndarray, np.ndarray]:
        return np.stack([data.qpos for data in self._data]), np.stack([data.qvel for data in self._data])

    def places(self) -> np.ndarray:
        return np.stack([self.robot.place(lambda name, data=data: data.body(name).xpos) for data in self._data])

    def full_state(self) -> np.ndarray:
        states = np.empty((len(self._data), mujoco.mj_stateSize(self.model, STATE.value)))
        for data, state in zip(self._data, states):
            mujoco.mj_getState(self.model, data, state, STATE.value)
        return states

    def load_full_state(self, states: np.ndarray) -> None:
        for data, state in zip(self._data, states):
            mujoco.mj_setState(self.model, data, np.ascontiguousarray(state), STATE.value)


class _ByWarp(Warp):
    """All worlds at once on the device; positions of bodies are those of its last step."""

    def __init__(self, robot: Robot, n: int, device: torch.device):
        super().__init__(robot.model, n, robot.frame_skip, device)
        self.robot = robot
        self._put_bodies = GraphedWork(lambda: self._engine.kinematics(self._model, self._data), device)

    def set_state(self, qpos: Tensor, qvel: Tensor, which: Tensor | None = None) -> None:
        super().set_state(qpos, qvel, which)
        if self.robot.body is not None:
            self._put_bodies()

    def joints(self) -> tuple[Tensor, Tensor]:
        return self.qpos, self.qvel

    def places(self) -> Tensor:
        if self.robot.body is None:
            return torch.nn.functional.pad(self.qpos[:, :1], (0, 2))
        return self.robot.place(lambda name: self.xpos[:, self.model.body(name).id]).clone()
