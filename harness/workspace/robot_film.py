"""The panels of a film of a robot: every policy from the same starts, drawn by MuJoCo."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import mujoco
import numpy as np
import torch

from harness.contracts import Method
from harness.sim.drawing import renderer
from harness.sim.robots import Robot, Worlds
from harness.sim.threads import STATE
from harness.tasks.locomotion import Locomotion

SIDE = 160  # pixels of a panel
RATE = 50 / 3  # frames a second, at most
STARTS = 0  # the seed of the starts, which are the same for every policy
DIM = 0.4  # of the brightness, after a fall
PLACE = 3  # numbers at the end of a world's full state that MuJoCo does not know


def policy(task: Locomotion, method: Method, seconds: float) -> np.ndarray:
    """Return the mode of a policy as frames [T, SIDE, SIDE, 3] of bytes, dimmed after a fall.

    Raises BenchError without OpenGL.
    """
    robot = task.robot
    every = max(1, round(1 / (RATE * robot.dt)))
    drawing, data, view = renderer(robot.model, SIDE, SIDE), mujoco.MjData(robot.model), _view(robot)
    frames = []
    for state, fallen in list(_states(task, method, round(seconds / robot.dt)))[::every]:
        mujoco.mj_setState(robot.model, data, state, STATE.value)
        mujoco.mj_forward(robot.model, data)
        drawing.update_scene(data, view)
        frames.append(drawing.render() * (DIM if fallen else 1.0))
    drawing.close()
    return np.stack(frames).astype(np.uint8)


def _states(task: Locomotion, method: Method, steps: int) -> Iterator[tuple[np.ndarray, bool]]:
    """Yield MuJoCo's state, and whether the robot has fallen in this episode, at the beginning of each step."""
    robot, outputs = task.robot, method.outputs()
    low, high = robot.model.actuator_ctrlrange.T
    draws, worlds = np.random.default_rng(STARTS), Worlds(robot, 1, threads=1)
    for step in range(steps):
        if step % task.horizon == 0:
            start = robot.reset(draws.uniform(size=(1, robot.draws)), draws.normal(size=(1, robot.draws)))
            seen, fallen = worlds.set_state(*start), False
        yield np.ascontiguousarray(worlds.full_state()[0, :-PLACE]), fallen
        seen, _, healthy = worlds.step(np.clip(_action(task, outputs, seen), low, high))
        fallen |= not healthy[0]


def _action(task: Locomotion, outputs: Any, seen: np.ndarray) -> np.ndarray:
    marked = np.pad(seen, ((0, 0), (0, int(task.absorbing))))  # it is not in the absorbing state
    with torch.no_grad():
        return outputs.act(torch.as_tensor(marked).float()[None])[0].double().numpy()


def _view(robot: Robot) -> mujoco.MjvCamera:
    """Return the model's own camera, or without one a view of the whole along the axis of the first hinge."""
    camera, model = mujoco.MjvCamera(), robot.model
    if model.ncam:
        camera.type, camera.fixedcamid = mujoco.mjtCamera.mjCAMERA_FIXED, 0
        return camera
    hinges = np.flatnonzero(model.jnt_type == mujoco.mjtJoint.mjJNT_HINGE)
    upright = len(hinges) > 0 and abs(model.jnt_axis[hinges[0], 2]) > 0.5
    camera.lookat[:], camera.distance = model.stat.center, (0.7 if upright else 1.2) * model.stat.extent
    camera.azimuth, camera.elevation = 90, -90 if upright else -10
    return camera
