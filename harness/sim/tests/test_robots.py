"""Every robot against its Gymnasium environment: single steps, whole episodes, resets, health."""

import gymnasium
import mujoco
import numpy as np
import pytest
import torch

from harness.sim.robots import ROBOTS, Worlds

OPTIONS = {"Ant-v5": {"contact_cost_weight": 0.0, "include_cfrc_ext_in_observation": False}}
STEPS = 1000


@pytest.fixture(params=ROBOTS)
def robot(request):
    return ROBOTS[request.param]


def theirs(robot):
    env = gymnasium.make(robot.name, **OPTIONS.get(robot.name, {})).unwrapped
    env.model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_WARMSTART
    env.reset(seed=0)
    return env


def states(robot, n, rng):
    """Of the middle of episodes: resets, driven at random for up to 30 steps."""
    worlds = Worlds(robot, n, threads=1)
    worlds.set_state(*robot.reset(rng.random((n, robot.draws)), rng.standard_normal((n, robot.draws))))
    pick = rng.integers(30, size=n)
    found = [np.empty((n, robot.model.nq)), np.empty((n, robot.model.nv))]
    for t in range(30):
        for kept, now in zip(found, worlds._simulation.joints()):
            kept[pick == t] = now[pick == t]
        worlds.step(rng.uniform(-1.2, 1.2, (n, robot.model.nu)))
    return found


def test_single_steps_are_gymnasiums(robot):
    """Observation, reward and health after 1,000 steps, each from a state of its own; actions beyond the range too."""
    rng, env = np.random.default_rng(1), theirs(robot)
    qpos, qvel = states(robot, STEPS, rng)
    actions = rng.uniform(-1.5, 1.5, (STEPS, robot.model.nu)) * robot.model.actuator_ctrlrange[:, 1]
    worlds = Worlds(robot, STEPS)
    first = worlds.set_state(qpos, qvel)
    observations, rewards, healthy = worlds.step(actions)
    for i in range(STEPS):
        mujoco.mj_resetData(env.model, env.data)
        env.set_state(qpos[i], qvel[i])
        np.testing.assert_allclose(first[i], env._get_obs(), atol=1e-12)
        seen, reward, terminated, _, _ = env.step(actions[i])
        np.testing.assert_allclose(observations[i], seen, rtol=0, atol=1e-9)
        assert rewards[i] == pytest.approx(reward, abs=1e-9) and healthy[i] == (not terminated)
    if robot.healthy:
        assert 0 < healthy.sum() < STEPS, "both outcomes are met"


def test_whole_trajectories_are_the_same_bits(robot):
    rng, env = np.random.default_rng(2), theirs(robot)
    qpos, qvel = (part[:3] for part in robot.reset(rng.random((3, robot.draws)), rng.standard_normal((3, robot.draws))))
    actions = rng.uniform(-1, 1, (200, 3, robot.model.nu))
    worlds = Worlds(robot, 3, threads=2)
    worlds.set_state(qpos, qvel)
    ours = [worlds.step(action)[:2] for action in actions]
    mujoco.mj_resetData(env.model, env.data)
    env.set_state(qpos[1], qvel[1])
    for (observations, rewards), action in zip(ours, actions):
        seen, reward, *_ = env.step(action[1])
        np.testing.assert_array_equal(observations[1], seen)
        assert rewards[1] == pytest.approx(reward, rel=1e-12, abs=1e-12)


def test_a_reset_draws_what_gymnasiums_does(robot):
    """The same ranges and spreads over many resets."""
    rng, env, n = np.random.default_rng(3), theirs(robot), 2000
    ours = np.concatenate(robot.reset(rng.random((n, robot.draws)), rng.standard_normal((n, robot.draws))), 1)
    there = []
    for seed in range(n):
        env.reset(seed=seed)
        there.append(np.concatenate([env.data.qpos, env.data.qvel]))
    there = np.array(there)
    error = np.sqrt((ours.var(0) + there.var(0)) / n)
    assert (np.abs(ours.mean(0) - there.mean(0)) <= 5 * error + 1e-12).all()
    np.testing.assert_allclose(ours.std(0), there.std(0), rtol=0.1, atol=1e-12)


def test_tensors_meet_the_same_rules(robot):
    """Observation, reward, health and resets of torch are numpy's; some states are no numbers."""
    rng, n = np.random.default_rng(6), 200
    qpos, qvel = states(robot, n, rng)
    qpos[0], qvel[1] = np.nan, np.inf
    places, after = rng.normal(size=(2, n, 3))
    action, uniform, normal = (
        rng.normal(size=(n, robot.model.nu)),
        rng.random((n, robot.draws)),
        rng.normal(size=(n, robot.draws)),
    )
    found = []
    for of in (np.array, torch.tensor):
        healthy = robot.is_healthy(of(qpos), of(qvel))
        rewards = robot.reward(of(places), of(after), of(action), healthy)
        found.append((
            robot.observe(of(qpos), of(qvel), of(places)),
            healthy,
            rewards,
            *robot.reset(of(uniform), of(normal)),
        ))
    for exact, tensor in zip(*found):
        assert type(exact) is np.ndarray and torch.is_tensor(tensor)
        np.testing.assert_allclose(tensor, exact, rtol=1e-12, atol=1e-12)


def test_some_worlds_are_reset_and_the_others_go_on(robot):
    rng = np.random.default_rng(4)
    draws = [rng.random((4, robot.draws)), rng.standard_normal((4, robot.draws))]
    a, b = Worlds(robot, 4), Worlds(robot, 4)
    for worlds in (a, b):
        worlds.set_state(*robot.reset(*draws))
        worlds.step(np.full((4, robot.model.nu), 0.3))
    some = np.array([False, True, False, False])
    first = a.set_state(*robot.reset(*draws), some)
    fresh = Worlds(robot, 4)
    assert (first[1] == fresh.set_state(*robot.reset(*draws))[1]).all()
    for _ in range(5):
        control = rng.uniform(-1, 1, (4, robot.model.nu))
        one, two, three = a.step(control), b.step(control), fresh.step(control)
        for x, y, z in zip(one, two, three):
            np.testing.assert_array_equal(x[~some], y[~some])
            np.testing.assert_array_equal(x[some], z[some])


def test_the_full_state_resumes_bit_for_bit(robot):
    rng = np.random.default_rng(5)
    worlds = Worlds(robot, 3)
    worlds.set_state(*robot.reset(rng.random((3, robot.draws)), rng.standard_normal((3, robot.draws))))
    controls = rng.uniform(-1, 1, (40, 3, robot.model.nu))
    for control in controls[:20]:
        seen, *_ = worlds.step(control)
    kept = worlds.full_state()
    ends = [worlds.step(control) for control in controls[20:]]
    again = Worlds(robot, 3)
    np.testing.assert_array_equal(again.load_full_state(kept), seen)
    for control, expected in zip(controls[20:], ends):
        for x, y in zip(again.step(control), expected):
            np.testing.assert_array_equal(x, y)


def test_an_action_that_is_no_number_stops_the_motors_and_shows_in_the_reward():
    robot = ROBOTS["HalfCheetah-v5"]
    worlds = Worlds(robot, 2)
    zeros = np.zeros((2, robot.draws))
    worlds.set_state(*robot.reset(zeros + 0.5, zeros))
    observations, rewards, _ = worlds.step(np.array([[np.nan] * 6, [0.0] * 6]))
    np.testing.assert_array_equal(observations[0], observations[1])
    assert np.isnan(rewards[0]) and np.isfinite(rewards[1])


@pytest.mark.parametrize(("name", "share"), [("Hopper-v5", 0.95), ("Reacher-v5", 0.95), ("Ant-v5", 0.75)])
def test_warp_agrees_within_single_precision(name, share):
    """A few steps from resets, one world reset on the way. Where a foot strikes, the two solvers part for a moment: the
    Ant stands on four."""
    pytest.importorskip("mujoco_warp")
    robot, rng, n = ROBOTS[name], np.random.default_rng(4), 3
    start = robot.reset(rng.random((n, robot.draws)), rng.standard_normal((n, robot.draws)))
    again = robot.reset(rng.random((n, robot.draws)), rng.standard_normal((n, robot.draws)))
    actions = rng.uniform(-0.3, 0.3, (6, n, robot.model.nu)) * robot.model.actuator_ctrlrange[:, 1]
    found, expected, cpu = [], [], torch.device("cpu")
    for shown, worlds, of in (
        (found, Worlds(robot, n, device=cpu), torch.tensor),
        (expected, Worlds(robot, n, 1), np.array),
    ):
        shown.append((worlds.set_state(*map(of, start)),))
        for t, action in enumerate(actions):
            shown.append(worlds.step(of(action)))
            if t == 2:
                shown.append((worlds.set_state(*map(of, again), of(np.arange(n) == 1)),))
                saved = worlds.full_state()
        worlds.check()
        worlds.load_full_state(saved)
        for action in actions[3:]:
            last = worlds.step(of(action))
        np.testing.assert_allclose(last[0], shown[-1][0], atol=1e-5)
    for part in range(2):  # observations, rewards
        a, b = (
            np.concatenate([shown[part].ravel() for shown in side if part < len(shown)]) for side in (found, expected)
        )
        assert np.isclose(a, b, rtol=0.01, atol=0.01).mean() > share and np.corrcoef(a, b)[0, 1] > share
