"""Batched worlds against the Gymnasium environments, against each other, and against themselves after a restore."""

from __future__ import annotations

import sys

import gymnasium
import mujoco
import numpy as np
import pytest
import torch

from harness.errors import BenchError
from harness.sim.free_flight import FreeFlight
from harness.sim.gymnasium_mazes import IDS
from harness.sim.mazes import ContinuousMaze
from harness.sim.threads import Threads
from harness.sim.warp import Warp

CPU = torch.device("cpu")
EACH = pytest.mark.parametrize("name", IDS)


def worlds(maze, n, threads=2):
    return [Threads(maze.model(), n, maze.frame_skip, threads), FreeFlight(maze, n, threads)]


def states(maze, n, seed=0):
    """Positions anywhere in the room, a third of them where a wall is felt; velocities up to the greatest."""
    rng = np.random.default_rng(seed)
    x0, y0, x1, y1 = maze.room
    qpos = rng.uniform((x0 + 0.048, y0 + 0.048), (x1 - 0.048, y1 - 0.048), (n, 2))
    a, b, c, _ = maze.barriers[0]
    third = n // 3
    qpos[:third, 0] = rng.uniform(a, c, third).clip(x0 + 0.048, x1 - 0.048)
    qpos[:third, 1] = b + rng.choice([-1, 1], third) * rng.uniform(0.045, 0.06, third)
    return qpos, rng.uniform(-maze.force, maze.force, (n, 2)), 1.5 * maze.force * rng.uniform(-1, 1, (n, 2))


@EACH
def test_single_steps_equal_gymnasiums(name):
    env = gymnasium.make(name).unwrapped
    qpos, qvel, control = states(env.maze, 60)
    expected = []
    for q, v, u in zip(qpos, qvel, control):
        env.set_state(q, v)
        env.step(u)
        expected.append((env.data.qpos.copy(), env.data.qvel.copy()))
    for batch, tolerance in zip(worlds(env.maze, 60), (0, 1e-12)):
        batch.set_state(qpos, qvel)
        found = np.stack(batch.step(control), 1)
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)
    drift = np.abs(np.array(expected)[:, 1] - qvel).max(1)
    assert (drift > 0.01).all()


@EACH
def test_whole_episodes_are_bit_equal_to_gymnasiums(name):
    env = gymnasium.make(name).unwrapped
    env.reset(seed=3)
    batch, flight = worlds(env.maze, 1)
    for world in (batch, flight):
        world.set_state(env.data.qpos[None].copy(), env.data.qvel[None].copy())
    rng = np.random.default_rng(4)
    for t in range(100):
        if t % 10 == 0:
            action = env.maze.force * rng.uniform(-2, 2, 2)
        observation, *_ = env.step(action)
        qpos, qvel = batch.step(action[None])
        assert (observation == [*qpos[0], 0]).all() and (env.data.qvel == qvel[0]).all()
        np.testing.assert_allclose(flight.step(action[None])[0], qpos, atol=1e-9)


@pytest.mark.parametrize("kind", "cs")
def test_a_restored_state_goes_on_bit_for_bit(kind):
    maze = ContinuousMaze(kind)
    controls = maze.force * np.random.default_rng(5).uniform(-2, 2, (12, 40, 2))
    for one, other in zip(worlds(maze, 40), worlds(maze, 40)):
        qpos, qvel, _ = states(maze, 40)
        one.set_state(qpos, qvel)
        for u in controls[:6]:
            one.step(u)
        saved = one.full_state()
        other.load_full_state(saved)
        for u in controls[6:]:
            np.testing.assert_array_equal(np.stack(one.step(u)), np.stack(other.step(u)))
        np.testing.assert_array_equal(one.full_state(), other.full_state())
        assert not (saved == one.full_state()).all()


@pytest.mark.parametrize("kind", "cs")
def test_a_world_does_not_depend_on_its_neighbours_or_the_number_of_threads(kind):
    maze = ContinuousMaze(kind)
    qpos, qvel, control = states(maze, 50)
    for many, alone in zip(worlds(maze, 50, 3), worlds(maze, 1, 1)):
        many.set_state(qpos, qvel)
        found = np.stack(many.step(control), 1)
        for i in range(0, 50, 7):
            alone.set_state(qpos[i : i + 1], qvel[i : i + 1])
            np.testing.assert_array_equal(np.stack(alone.step(control[i : i + 1]), 1)[0], found[i])


def test_results_are_no_views_and_bad_controls_count_as_zero():
    maze = ContinuousMaze("c")
    for world, twin in zip(worlds(maze, 3), worlds(maze, 3)):
        for w in (world, twin):
            w.set_state(np.tile(maze.start, (3, 1)), np.zeros((3, 2)))
        first = world.step(np.array([[np.nan, np.inf], [1, 0], [2, 0]]))
        kept = [x.copy() for x in first]
        np.testing.assert_array_equal(np.stack(first), np.stack(twin.step(np.array([[0, 0], [1, 0], [1, 0]]))))
        world.step(np.ones((3, 2)))
        assert (kept[0] == first[0]).all() and (kept[1] == first[1]).all()


def test_free_flight_asks_mujoco_near_walls_only():
    maze = ContinuousMaze("c")
    flight, asked = FreeFlight(maze, 2, 1), []
    inner = flight._mujoco.advance
    flight._mujoco.advance = lambda state, control: asked.append(len(state)) or inner(state, control)
    flight.set_state(np.array([[0.3, 0.1], [0.3, 0.24]]), np.zeros((2, 2)))
    flight.step(np.array([[0.0, 1.0], [0.0, 1.0]]))
    assert asked == [1]


def test_any_model_steps_with_its_activations():
    """A filtered motor has a state of its own, and mujoco's own steps agree."""
    model = mujoco.MjModel.from_xml_string("""<mujoco><option><flag warmstart="disable"/></option><worldbody>
      <geom type="plane" size="1 1 .1"/><body pos="0 0 .1"><freejoint/><geom type="box" size=".1 .1 .1"/>
      <body pos="0 0 .15"><joint name="j" axis="0 1 0"/><geom type="capsule" size=".02 .1"/></body></body></worldbody>
      <actuator><general joint="j" dyntype="filter" dynprm=".1" gainprm="2"/></actuator></mujoco>""")
    batch, other, data = Threads(model, 3, 4, 2), Threads(model, 3, 4, 1), mujoco.MjData(model)
    batch.set_state(np.tile(data.qpos, (3, 1)), np.zeros((3, model.nv)))
    for t in range(20):
        control = np.array([[1.0], [-0.5], [0.0]]) * (t % 3)
        data.ctrl[:] = control[0]
        mujoco.mj_step(model, data, 4)
        qpos, qvel = batch.step(control)
        assert (qpos[0] == data.qpos).all() and (qvel[0] == data.qvel).all()
        if t == 10:
            other.load_full_state(batch.full_state())
        elif t > 10:
            np.testing.assert_array_equal(other.step(control)[0], qpos)
    assert np.ptp(qpos[:, -1]) > 1e-3


def test_a_model_with_warm_start_is_refused():
    with pytest.raises(BenchError, match='warmstart="disable"'):
        Threads(mujoco.MjModel.from_xml_string("<mujoco/>"), 1, 1)


def test_a_missing_warp_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "mujoco_warp", None)
    with pytest.raises(BenchError, match=r"pip install 'vdb-bench\[gpu\]'"):
        Warp(ContinuousMaze("c").model(), 1, 5, CPU)


@pytest.fixture
def walls():
    """Four balls in the C-maze, the last three pushed at walls: maze, places, velocities, control."""
    start = np.array([[0.3, 0.0], [0.3, 0.2], [0.0, 0.1], [0.5, 0.5]])
    return ContinuousMaze("c"), start, np.zeros((4, 2)), np.array([[0.5, 0.2], [0.0, 1.0], [-2.0, 0.3], [0.7, 0.7]])


def test_warp_agrees_within_single_precision(walls):
    pytest.importorskip("mujoco_warp")
    maze, *start, control = walls
    warp, exact, told = Warp(maze.model(), 4, maze.frame_skip, CPU), worlds(maze, 4)[0], torch.tensor(control)
    warp.set_state(*map(torch.tensor, start))
    exact.set_state(*start)
    for t in range(20):
        found, expected = warp.step(told), exact.step(control)
        np.testing.assert_allclose(found[0], expected[0], atol=2e-3)
        if t == 9:
            saved = warp.full_state()
    np.testing.assert_allclose(found[0][0], expected[0][0], atol=1e-5)
    last = found[0].clone()
    warp.check()
    warp.load_full_state(saved)
    for _ in range(10):
        again = warp.step(told)
    np.testing.assert_allclose(again[0], last, atol=1e-6)


def test_contacts_that_warp_drops_are_told(walls, monkeypatch):
    """Room for one row of constraints; a ball in a corner touches two walls."""
    pytest.importorskip("mujoco_warp")
    maze, start, still, control = walls
    for name, value in (("ROWS", 1), ("rows", lambda model: 1)):
        monkeypatch.setattr(f"harness.sim.warp.{name}", value)
    warp = Warp(maze.model(), 4, maze.frame_skip, CPU)
    start[2] = -0.052
    warp.set_state(torch.tensor(start), torch.tensor(still))
    warp.step(torch.tensor(control))
    with pytest.raises(BenchError, match="dropped contacts: they need more than 1 rows a world; use physics: mujoco"):
        warp.check()
    warp.check()
