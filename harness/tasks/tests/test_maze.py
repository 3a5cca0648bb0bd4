"""Rollouts in the mazes: known controllers, what the policy sees and pays for, seeds apart, demonstrations."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.checks.watch import NoHost
from harness.contracts import BenchError
from harness.run.seeds import CounterDraws
from harness.sim import mazes
from harness.sim.free_flight import FreeFlight
from harness.sim.tests.pretend import Pretended
from harness.sim.threads import Threads
from harness.tasks import maze as tasks_maze
from harness.tasks.maze import Params, build, simulation

CPU = torch.device("cpu")


def task(maze="c", **words):
    return build("room", Params(family="maze", maze=maze, seeds=(0, 1), steps=10, **words), None)


def draws(*seeds):
    return CounterDraws(seeds or range(3), "test")


def still(observations, t):
    return torch.zeros(*observations.shape[:2], 2)


def waypoints(points, speed, close=0.04, gain=20.0):
    """Drives at each point in turn until it is `close`, and stays at the last."""
    points = torch.tensor(points)

    def act(observations, t):
        if t == 0:
            act.index = torch.zeros(observations.shape[:2], dtype=torch.long)
        away = points[act.index] - observations[..., :2]
        act.index = (act.index + (away.norm(dim=-1) < close)).clamp(max=len(points) - 1)
        return (gain * (points[act.index] - observations[..., :2])).clamp(-speed, speed)

    return act


TABLE = [  # returns of controllers, worked out in a crude model of the mazes, hence the tolerances
    ("c", False, [(0.16, 0.34), (0.3, 0.5)], 1.0, -4.93, 0.3),
    ("c", True, [(0.44, 0.34), (0.3, 0.5)], 1.0, -4.87, 0.3),
    ("c", True, [(0.3, 0.5)], 1.0, -26.3, 0.4),
    ("c", True, [(0.1, 0.4)], 1.0, -32.9, 0.6),
    ("c", True, [(0.3, 0.0)], 0.0, -50.0, 0.1),
    ("s", False, [(0.2, 0.6), (-0.2, 1.2), (0.0, 1.5)], 5.0, 170.4, 2.0),
    ("s", True, [(-0.2, 0.6), (0.2, 1.2), (0.0, 1.5)], 5.0, 170.4, 2.0),
]


@pytest.mark.parametrize("physics", ["mujoco", "free_flight"])
@pytest.mark.parametrize(("maze", "flipped", "points", "speed", "expected", "tolerance"), TABLE)
def test_hand_written_controllers(maze, flipped, points, speed, expected, tolerance, physics):
    room = task(maze, flipped=flipped, physics=physics)
    found = room.source(CPU).rollout(waypoints(points, speed), draws(0, 1), 2)
    returns = found.rewards.sum(1)
    np.testing.assert_allclose(returns, expected, atol=tolerance)
    assert (returns > room.maze.lowest_return(100)).all()


def test_the_simulator_is_the_one_that_the_block_names():
    kinds = {"mujoco": Threads, "free_flight": FreeFlight}
    assert all(type(simulation(task(physics=physics), 3, CPU)) is kind for physics, kind in kinds.items())
    pytest.importorskip("mujoco_warp")
    way = waypoints([(0.16, 0.34), (0.3, 0.5)], 1.0)
    exact, single = (task(physics=p, horizon=40).source(CPU).rollout(way, draws(0, 1), 2) for p in ("mujoco", "warp"))
    torch.testing.assert_close(single.observations, exact.observations, rtol=0, atol=2e-3)
    torch.testing.assert_close(single.rewards, exact.rewards, rtol=0, atol=2e-3)
    assert not torch.equal(single.observations, exact.observations), "single precision"


@pytest.mark.parametrize("kind", "cs")
def test_a_rollout_on_the_device_is_that_in_numpy_and_looks_at_nothing(kind, monkeypatch):
    for name in ("Threads", "Warp"):
        monkeypatch.setattr(tasks_maze, name, Pretended)
    noise = draws().normal("latent", "policy", (100, 4, 2))
    exact = (
        task(kind, physics="mujoco", threads=1).source(CPU).rollout(lambda o, t: noise[:, t] - o[..., :2], draws(), 4)
    )
    with NoHost():
        single = task(kind, physics="warp").source(CPU).rollout(lambda o, t: noise[:, t] - o[..., :2], draws(), 4)
    for name in ("observations", "actions", "rewards", "next_observations"):
        torch.testing.assert_close(getattr(single, name), getattr(exact, name), rtol=1e-4, atol=1e-4)


def test_noise_alone_ends_as_worked_out():
    """Unit Gaussian actions: about -46 in the C-maze, about 0.15 by shaping in the S-maze."""
    for maze, low, high in (("c", -49, -43), ("s", -0.3, 0.8)):
        noise = draws().normal("eval", "test", (100, 20, 2))
        returns = task(maze).source(CPU).rollout(lambda o, t, noise=noise: noise[:, t], draws(), 20).rewards.sum(1)
        assert low < returns.mean() < high


def test_shapes_flags_and_the_chain_of_observations():
    found = task(horizon=7).source(CPU).rollout(still, draws(), 4)
    for part, size in ((found.observations, 3), (found.actions, 2), (found.next_observations, 3)):
        assert part.shape == (3, 7, 4, size) and part.dtype == torch.float32 and part.is_contiguous()
    assert found.rewards.shape == (3, 7, 4) and found.rewards.dtype == torch.float32
    assert not found.terminated.any() and found.truncated[:, -1].all() and not found.truncated[:, :-1].any()
    assert torch.equal(found.next_observations[:, :-1], found.observations[:, 1:])
    assert (found.observations[:, 0] == torch.tensor([0.3, 0, 0])).all() and not found.observations[..., 2].any()
    assert task().spec.horizon == 100 and task().spec.shape == (3,) and task().spec.action_size == 2


def test_the_policy_sees_raw_positions_and_its_raw_action_is_kept_and_paid():
    """The motors cut the action; the record and the reward do not."""
    seen = []

    def act(size):
        def push(observations, t):
            seen.append((t, observations.clone()))
            return torch.tensor([0.0, size]).expand(*observations.shape[:2], 2)

        return push

    source = task(horizon=5).source(CPU)
    one, seven = (source.rollout(act(size), draws(0), 2) for size in (1.0, 7.0))
    assert torch.equal(one.next_observations, seven.next_observations)
    assert (seven.actions[..., 1] == 7).all()
    np.testing.assert_allclose(one.rewards - seven.rewards, 0.001 * 48, atol=1e-6)
    assert [t for t, _ in seen[:5]] == list(range(5))
    for t, observation in seen[:5]:
        assert torch.equal(observation, one.observations[:, t])
    # The reward of a step is that of the place before it.
    away = (one.observations[..., :2] - torch.tensor([0.3, 0.5])).norm(dim=-1)
    np.testing.assert_allclose(one.rewards, -away - 0.001, atol=1e-6)


@pytest.mark.parametrize("physics", ["mujoco", "free_flight"])
def test_a_seed_alone_equals_itself_in_a_stack(physics):
    source = task("s", horizon=30, physics=physics).source(CPU)

    def run(*seeds):
        d = draws(*seeds)
        noise = 5 * d.normal("latent", "policy", (30, 6, 2))
        return source.rollout(lambda o, t: noise[:, t] + o[..., :2], d, 6)

    stack, alone = run(4, 7, 9), run(7)
    for name in ("observations", "actions", "rewards", "next_observations"):
        assert torch.equal(getattr(stack, name)[1:2], getattr(alone, name)), name


def test_draws_are_resets_by_stream_and_name_and_nothing_else():
    asked = []

    class Watched(CounterDraws):
        def uniform(self, stream, name, shape):
            asked.append((stream, name, tuple(shape)))
            return super().uniform(stream, name, shape)

    source = task(horizon=2).source(CPU)
    ends = [
        source.rollout(still, Watched(range(2), "test"), 5, name, stream).next_observations
        for name, stream in (("rollout", "env"), ("rollout", "env"), ("other", "env"), ("rollout", "eval"))
    ]
    assert (
        asked[0] == ("env", "rollout/reset", (5, 2)) and asked[3][:2] == ("eval", "rollout/reset") and len(asked) == 4
    )
    assert torch.equal(ends[0], ends[1]) and not torch.equal(ends[0], ends[2]) and not torch.equal(ends[0], ends[3])
    # v = U(-0.01, 0.01), and 1 N s/m takes it away: the ball comes to rest |v| m / d from where it began.
    drift = (
        task().source(CPU).rollout(still, draws(0), 500).next_observations[0, -1, :, :2] - torch.tensor([0.3, 0])
    ) / 0.1131
    assert drift.abs().max() < 0.01 and drift.abs().mean() == pytest.approx(0.005, rel=0.1) and abs(drift.mean()) < 1e-3


def test_a_broken_seed_leaves_the_others_alone():
    def act(observations, t):
        actions = torch.ones(*observations.shape[:2], 2)
        actions[1] = float("nan")
        return actions

    source = task(horizon=4).source(CPU)
    found = source.rollout(act, draws(0, 1, 2), 2)
    good = source.rollout(lambda o, t: torch.ones(*o.shape[:2], 2), draws(0, 1, 2), 2)
    assert torch.equal(found.rewards[::2], good.rewards[::2])
    assert torch.isnan(found.rewards[1]).all() and torch.isfinite(found.observations).all()


def save(path, steps=5, episodes=4, **changes):
    rng = np.random.default_rng(0)
    shapes = {
        "observations": (steps, episodes, 3),
        "actions": (steps, episodes, 2),
        "rewards": (steps, episodes),
        "last_observations": (episodes, 3),
    }
    arrays = {f"demonstrations/{k}": rng.normal(size=(1, *shape)).astype(np.float32) for k, shape in shapes.items()}
    np.savez(path, **(arrays | {"demonstrations/whole": np.ones((1, episodes), bool)} | changes))
    return arrays


def test_demonstrations(tmp_path):
    arrays = save(tmp_path / "expert.npz")
    room = task(horizon=5, demonstrations=str(tmp_path / "expert.npz"))
    found = room.source(CPU).demonstrations()
    for name in ("observations", "actions", "rewards"):
        np.testing.assert_array_equal(getattr(found, name), arrays[f"demonstrations/{name}"])
    np.testing.assert_array_equal(found.next_observations[:, :-1], found.observations[:, 1:])
    np.testing.assert_array_equal(found.next_observations[:, -1], arrays["demonstrations/last_observations"])
    assert found.truncated[:, -1].all() and not found.truncated[:, :-1].any() and not found.terminated.any()


def test_demonstrations_of_an_older_archive(tmp_path):
    """They lack rewards, last observations and `whole`, which follow from what the episodes hold."""
    path, room = tmp_path / "expert.npz", task(horizon=5, demonstrations=str(tmp_path / "expert.npz"))
    arrays = save(path)
    observations, last = arrays["demonstrations/observations"], arrays["demonstrations/last_observations"]
    following = np.concatenate([observations[:, 1:], last[:, None]], 1)
    held = {f"demonstrations/{name}": arrays[f"demonstrations/{name}"] for name in ("observations", "actions")}
    np.savez(path, **held, **{"demonstrations/next_observations": following})
    found = room.source(CPU).demonstrations()
    np.testing.assert_array_equal(found.observations, arrays["demonstrations/observations"])
    np.testing.assert_array_equal(found.next_observations, following)
    x, y = np.moveaxis(arrays["demonstrations/observations"][..., :2].astype(np.float64), -1, 0)
    away = np.hypot(x - room.maze.target[0], y - room.maze.target[1])
    cost = (arrays["demonstrations/actions"].astype(np.float64) ** 2).sum(-1)
    np.testing.assert_allclose(found.rewards, -away - mazes.C_ACTION_COST * cost, rtol=1e-5)
    np.savez(path, **held, **{"demonstrations/next_observations": following[:, :3]})
    with pytest.raises(BenchError, match="does not hold demonstrations of 5 steps"):
        task(horizon=5, demonstrations=str(path)).source(CPU).demonstrations()


def test_demonstrations_that_are_missing_or_damaged(tmp_path):
    def read(**words):
        return task(horizon=5, **words).source(CPU).demonstrations()

    with pytest.raises(BenchError, match="no demonstrations"):
        read()
    with pytest.raises(BenchError, match="is missing: train the expert's cell first"):
        read(demonstrations=str(tmp_path / "none.npz"))
    path = tmp_path / "expert.npz"
    damages = [
        lambda: path.write_bytes(b"PK\x03\x04 no archive"),
        lambda: path.write_bytes(b""),
        lambda: save(path, steps=4),
        lambda: save(path, episodes=0),
        lambda: save(path, **{"demonstrations/actions": np.full((1, 5, 4, 2), np.nan)}),
        lambda: save(path, **{"demonstrations/actions": np.zeros((1, 5, 3, 2))}),
        lambda: save(path, **{"demonstrations/last_observations": np.zeros((1, 4))}),
        lambda: save(path, **{"demonstrations/whole": np.zeros((1, 4), bool)}),
        lambda: np.savez(path, other=np.zeros(3)),
    ]
    for damage in damages:
        damage()
        with pytest.raises(
            BenchError, match="does not hold demonstrations of 5 steps with 3 observations and 2 actions: train"
        ) as error:
            read(demonstrations=str(path))
        assert "\n" not in str(error.value)


def test_the_hash_tells_what_is_learnt_from_what(tmp_path, monkeypatch):
    hashes = {task(m, flipped=f).data_hash for m in "cs" for f in (False, True)} | {task(horizon=50).data_hash}
    assert len(hashes) == 5 and task().data_hash in hashes
    assert task(physics="mujoco").data_hash == task().data_hash  # the same data; the parameter is in the key
    path = tmp_path / "expert.npz"
    arrays = save(path)
    one = task(horizon=5, demonstrations=str(path)).data_hash
    save(path, **{"demonstrations/actions": arrays["demonstrations/actions"] + 1})
    assert len({task(horizon=5).data_hash, one, task(horizon=5, demonstrations=str(path)).data_hash}) == 3
    before = task("s").data_hash, task().data_hash
    monkeypatch.setattr(mazes, "S_LAST", 0.4)
    assert task("s").data_hash != before[0]
    monkeypatch.setattr(mazes, "C_ACTION_COST", 0.01)
    assert task().data_hash != before[1]
