"""The four mazes: geometry, dynamics in closed form, rewards by hand, and walls that hold."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
import torch

from harness.sim import mazes
from harness.sim.mazes import ContinuousMaze
from harness.sim.threads import Threads

ALL = [ContinuousMaze(kind, flipped) for kind in "cs" for flipped in (False, True)]
EACH = pytest.mark.parametrize("maze", ALL, ids=lambda m: m.name)


def at(*points):
    return np.array(points, float)


def throw(maze, qpos, qvel, controls):
    """Positions [T + 1, N, 2] after every step of the simulator; controls [T, N, 2]."""
    worlds = Threads(maze.model(), len(qpos), 1, 2)
    worlds.set_state(qpos, qvel)
    return np.stack([qpos, *(worlds.step(u)[0] for u in controls)])


@EACH
def test_the_model_is_what_the_sheet_says(maze):
    model = maze.model()
    assert (
        model.body("ball").mass[0] == pytest.approx(4 / 3 * np.pi * 0.03**3 * 1000) == pytest.approx(0.1131, abs=1e-4)
    )
    assert model.opt.disableflags & mujoco.mjtDisableBit.mjDSBL_WARMSTART and not model.opt.gravity.any()
    assert model.opt.timestep * maze.frame_skip == pytest.approx(0.05)
    assert (model.actuator_ctrlrange == [-maze.force, maze.force]).all() and maze.force == (
        1 if maze.kind == "c" else 5
    )
    assert model.key("start").qpos.tolist() == list(maze.start)
    assert np.isin(model.geom_condim, 1).all() and (model.geom_margin == 0.002).all()
    assert model.ngeom == 1 + 4 + (1 if maze.kind == "c" else 2)


def test_barriers_leave_the_gaps_of_the_sheet():
    assert ContinuousMaze("c").barriers == [(0.2, 0.3, 0.6, 0.3)] and ContinuousMaze("c", True).barriers == [
        (-0.1, 0.3, 0.4, 0.3)
    ]
    assert ContinuousMaze("s").barriers == [(-0.3, 0.6, 0.1, 0.6), (-0.1, 1.2, 0.3, 1.2)]
    assert ContinuousMaze("s", True).barriers == [(-0.1, 0.6, 0.3, 0.6), (-0.3, 1.2, 0.1, 1.2)]


@EACH
def test_terminal_speed_and_time_constant(maze):
    """v = (f / d) (1 - exp(-t d / m)) up to the steps' size: 1 N drives at 1 m/s, after 0.113 s at 63 % of it."""
    steps = round(0.3 / maze.timestep)
    controls = np.tile([0.0, 0.5], (steps, 1, 1))
    path = throw(maze, at(maze.start), np.zeros((1, 2)), controls)[:, 0, 1]
    speed = np.diff(path) / maze.timestep
    mass, t = 4 / 3 * np.pi * 0.03**3 * 1000, maze.timestep * np.arange(1, steps + 1)
    decay = mass / (mass + maze.timestep)  # of the step with implicit damping, exactly
    np.testing.assert_allclose(speed, 0.5 * (1 - decay ** np.arange(1, steps + 1)), atol=1e-12)
    np.testing.assert_allclose(speed, 0.5 * (1 - np.exp(-t / mass)), atol=0.01)


@EACH
def test_walls_hold_at_full_speed(maze):
    """Against every wall's faces and ends from all sides: none gets through, none leaves the room.

    With steps of 0.01 s in the S-maze some of these do.
    """
    rng = np.random.default_rng(0)
    near, speeds = [], []
    x0, y0, x1, y1 = maze.room
    for a, b, c, d in maze.walls:
        n = 4000 if (a, b, c, d) in maze.barriers else 500
        along, angle = rng.uniform(size=(2, n))
        along, angle = np.where(along < 0.2, 5 * along, along > 0.6), 2 * np.pi * angle  # most of them at the ends
        way = rng.uniform(0.05, 0.05 + 1.5 * maze.force * maze.timestep, n)
        foot = at(a, b) + along[:, None] * at(c - a, d - b)
        near.append(foot + way[:, None] * np.stack([np.cos(angle), np.sin(angle)], -1))
        speed = rng.uniform(-1, 1, (n, 2))
        speeds.append(np.where(rng.uniform(size=(n, 1)) < 0.5, np.sign(speed), speed))
    q, v = np.concatenate(near), maze.force * np.concatenate(speeds)
    free = (q > at((x0, y0)) + 0.05).all(1) & (q < at((x1, y1)) - 0.05).all(1)
    for a, b, c, d in maze.barriers:
        free &= mazes.distance(q - q.clip((a, b), (c, d)), (0, 0)) > 0.0495
    q, v = q[free], v[free]
    path = throw(maze, q, v, np.tile(v, (round(0.1 / maze.timestep), 1, 1)))
    assert (path > at((x0, y0))).all() and (path < at((x1, y1))).all()
    for a, b, c, _ in maze.barriers:
        before, after = path[:-1] - b * at((0, 1)), path[1:] - b * at((0, 1))
        crossing = before[..., 1] * after[..., 1] <= 0
        share = np.divide(before[..., 1], before[..., 1] - after[..., 1], out=np.zeros(crossing.shape), where=crossing)
        x = before[..., 0] + share * (after[..., 0] - before[..., 0])
        inside = crossing & (x > a + mazes.WALL_RADIUS) & (x < c - mazes.WALL_RADIUS)
        assert not inside.any()


def test_at_the_released_step_size_the_s_maze_is_not_tight(monkeypatch):
    monkeypatch.setattr(mazes, "S_TIMESTEP", 0.01)
    with pytest.raises(AssertionError):
        test_walls_hold_at_full_speed(ContinuousMaze("s"))


def test_the_flipped_s_maze_is_the_mirror_image():
    rng = np.random.default_rng(1)
    controls = np.repeat(5 * rng.normal(size=(10, 20, 2)), 30, 0)
    q, v = np.tile(at((0, 0.3)), (20, 1)), 0.01 * rng.uniform(-1, 1, (20, 2))
    mirror = at((-1, 1))
    one = throw(ContinuousMaze("s"), q, v, controls)
    other = throw(ContinuousMaze("s", True), q * mirror, v * mirror, controls * mirror)
    np.testing.assert_allclose(other, one * mirror, atol=1e-9)
    assert np.ptp(one[..., 1]) > 0.5
    actions = rng.normal(size=(300, 20, 2))
    np.testing.assert_allclose(
        ContinuousMaze("s", True).reward(other[:-1], actions, other[1:]),
        ContinuousMaze("s").reward(one[:-1], actions, one[1:]),
        atol=1e-8,
    )


def test_c_rewards_by_hand():
    """The place before the action, and the raw action's square."""
    here, there = at((0.3, 0.1), (0.0, 0.1)), at((0.3, 0.5), (0.3, 0.5))
    for maze in ALL[:2]:
        found = maze.reward(here, at((0, 0), (3, -4)), there)
        np.testing.assert_allclose(found, [-0.4, -0.5 - 0.025], atol=1e-12)


def test_s_rewards_by_hand():
    left = ContinuousMaze("s").path_left
    assert left(at(0, 0.3)) == pytest.approx(1.354, abs=5e-4)
    hand = {
        (0.2, 0.6): 0.6325 + 0.3606,  # in the first gap
        (0.0, 0.65 - 1e-9): np.hypot(0.2, 0.05) + 0.6325 + 0.3606,  # the first wall is still ahead
        (0.0, 0.65): np.hypot(0.2, 0.55) + 0.3606,  # and no more
        (-0.2, 1.2): 0.3606,
        (0.0, 1.25): 0.25,  # straight to the target
        (0.3, 1.5): 0.3,
    }
    for place, value in hand.items():
        assert left(at(*place)) == pytest.approx(value, abs=1e-6)
        assert ContinuousMaze("s", True).path_left(at(-place[0], place[1])) == pytest.approx(value, abs=1e-6)
    stay = at((0, 1.5), (0, 1.41), (0.15, 1.5), (0.21, 1.5), (0, 0.3))
    # A cost of the action there is none.
    np.testing.assert_allclose(
        ContinuousMaze("s").reward(stay, np.full((5, 2), 9.0), stay), [2, 2, 1, 0, 0], atol=1e-12
    )
    before, after = at(0, 1.3), at(0, 1.45)
    assert ContinuousMaze("s").reward(before, np.zeros(2), after) == pytest.approx(
        1 + 0.15
    )  # 1 for the place before, shaping after


@EACH
def test_no_episode_falls_below_the_lowest_return(maze):
    x0, y0, x1, y1 = maze.room
    rng = np.random.default_rng(2)
    path = rng.uniform((x0, y0), (x1, y1), (101, 2000, 2))
    path[:, :1000] = path[:1, :1000]  # standing still, in all places
    path[0, 1000:] = maze.start
    if maze.kind == "s":
        path[0] = maze.start
    returns = maze.reward(path[:-1], np.zeros((100, 2000, 2)), path[1:]).sum(0)
    low = maze.lowest_return(100)
    assert returns.min() > low
    known = {"c": -100 * np.hypot(0.4, 0.6), "s": 1.3537 - 0.9931 - np.hypot(0.5, 0.6)}
    assert low == pytest.approx(known[maze.kind], abs=1e-3)


@pytest.mark.parametrize("kind", "cs")
@pytest.mark.parametrize("flipped", [False, True])
def test_tensors_get_the_same_rewards(kind, flipped):
    maze, rng = ContinuousMaze(kind, flipped), np.random.default_rng(7)
    parts = rng.uniform(-0.3, 1.8, (3, 20, 10, 2))
    found = maze.reward(*torch.tensor(parts))
    assert torch.is_tensor(found)
    np.testing.assert_allclose(found, maze.reward(*parts), rtol=1e-12, atol=1e-12)
