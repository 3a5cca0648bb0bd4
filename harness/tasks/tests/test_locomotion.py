"""Robots as a task: what rollouts hold, restarts, seeds apart, demonstrations, and returns as Gymnasium counts them."""

from __future__ import annotations

from contextlib import nullcontext

import gymnasium
import mujoco
import numpy as np
import pytest
import torch

from harness.checks.watch import NoHost
from harness.contracts import BenchError
from harness.metrics import episodes
from harness.metrics.evaluation import Evaluation
from harness.run.seeds import CounterDraws
from harness.sim import robots
from harness.sim.robots import ROBOTS
from harness.sim.tests.pretend import PretendedRobots
from harness.tasks import locomotion
from harness.tasks.locomotion import Params, Starts, build

CPU = torch.device("cpu")


def task(robot="Hopper-v5", **words):
    return build("robots", Params(family="locomotion", robot=robot, seeds=(0, 1), steps=10, **words), None)


def draws(*seeds):
    return CounterDraws(seeds or (0, 1, 2), "test")


def shaking(d, steps, n_envs, size, scale=0.5):
    noise = scale * d.normal("latent", "policy", (steps, n_envs, size))
    return lambda o, t: noise[:, t] + 0.01 * o[..., :size]


def leaning(noise):
    return lambda o, t: noise[:, t] - 0.01 * o[..., :1]


def test_shapes_flags_and_the_chain_of_observations():
    found = task("HalfCheetah-v5", horizon=7).source(CPU).rollout(shaking(draws(), 7, 4, 6), draws(), 4)
    for part, size in ((found.observations, 17), (found.actions, 6), (found.next_observations, 17)):
        assert part.shape == (3, 7, 4, size) and part.dtype == torch.float32 and part.is_contiguous()
    assert found.rewards.shape == (3, 7, 4) and found.rewards.dtype == torch.float32
    assert not found.terminated.any() and found.truncated[:, -1].all() and not found.truncated[:, :-1].any()
    assert torch.equal(found.next_observations[:, :-1], found.observations[:, 1:])
    assert task().spec.horizon == 1000 and task("Reacher-v5").spec.horizon == 50
    assert task().spec.shape == (11,) and task().spec.action_size == 3


def test_episodes_end_and_begin_again_only_where_asked_for():
    """Falling hoppers: the observation before the restart is kept, the next one is a reset's."""

    def run(**words):
        return task(horizon=120, **words).source(CPU).rollout(shaking(draws(), 120, 3, 3, 2.0), draws(), 3)

    ends, goes_on = run(termination="restart"), run()
    assert ends.terminated.any() and not goes_on.terminated.any()
    assert torch.equal(goes_on.next_observations[:, :-1], goes_on.observations[:, 1:])
    over = ends.terminated[:, :-1]
    same = (ends.next_observations[:, :-1] == ends.observations[:, 1:]).all(-1)
    assert (same == ~over).all()
    began = ends.observations[:, 1:][over]  # height 1.25, all else near 0
    assert (began[:, 0] - 1.25).abs().max() < 0.0051 and began[:, 1:].abs().max() < 0.0051
    fallen = ends.next_observations[:, :-1][over]
    assert ((fallen[:, 0] < 0.7) | (fallen[:, 1].abs() > 0.2)).all()
    # Up to its first end a world goes through the same either way.
    first = ends.terminated.int().cumsum(1) - ends.terminated.int() == 0
    assert torch.equal(ends.rewards[first], goes_on.rewards[first])
    assert torch.equal(ends.next_observations[first], goes_on.next_observations[first])


def test_an_absorbing_state_lasts_until_the_horizon():
    """I3: all zeros but for its mark; it pays nothing and no flag says that anything ended."""

    def run(termination):
        where = task(horizon=60, termination=termination)
        return where, where.source(CPU).rollout(shaking(draws(), 60, 3, 3, 2.0), draws(), 3)

    (where, found), (_, marked) = run("absorbing"), run("restart")
    assert where.spec.shape == (12,) and found.observations.shape[-1] == 12
    down = marked.terminated.int().cumsum(1)
    before = down - marked.terminated.int() == 0  # steps of the first episode, the last one included
    mark = found.observations[..., 11]
    assert torch.equal(mark == 0, before) and mark.bool().any() and set(mark.unique().tolist()) == {0.0, 1.0}
    assert (found.observations[..., :11][mark == 1] == 0).all() and (found.rewards[mark == 1] == 0).all()
    assert torch.equal(found.rewards[before], marked.rewards[before])
    assert torch.equal(found.observations[..., :11][before], marked.observations[before])
    assert torch.equal(found.next_observations[:, :-1], found.observations[:, 1:])
    assert not found.terminated.any() and found.truncated[:, -1].all() and found.truncated.sum() == 9
    scored = where.scoring_source(CPU).rollout(shaking(draws(), 60, 3, 3, 2.0), draws(), 3)
    assert scored.terminated.any() and (scored.observations[..., 11] == 0).all()


def test_an_expert_without_the_mark_is_shown_with_it(tmp_path):
    found = write(tmp_path / "e.npz", task("HalfCheetah-v5", horizon=20))
    told = {"demonstrations": str(tmp_path / "e.npz"), "horizon": 20, "episodes": 4}
    shown = task("HalfCheetah-v5", termination="absorbing", **told).source(CPU).demonstrations()
    assert (
        torch.equal(shown.observations[..., :17], found.observations[:1])
        and (shown.next_observations[..., 17] == 0).all()
    )
    assert shown.observations.shape[-1] == 18


def test_a_world_starts_where_its_own_count_says():
    """Worlds fall at different times: start k of one is the same whatever its neighbours do, beyond a chunk too."""
    robot = ROBOTS["Hopper-v5"]

    def starts(*patterns):
        made, seen = Starts(robot, draws(5), 2, "rollout", "env"), [[], []]
        for which in patterns:
            qpos, qvel = made.next(np.array(which))
            for i in np.flatnonzero(which):
                seen[i].append(np.concatenate([qpos[i], qvel[i]]))
        return seen

    both = starts(*[(True, True)] * 20)
    apart = starts(*[(True, False)] * 20, *[(False, True)] * 20)
    assert np.array_equal(both, apart)
    assert len({tuple(start) for start in both[0] + both[1]}) == 40


def test_the_action_is_cut_for_the_environment_and_kept_as_drawn():
    source = task("HalfCheetah-v5", horizon=5).source(CPU)
    one, seven = (
        source.rollout(lambda o, t, size=size: torch.full((*o.shape[:2], 6), size), draws(0), 2) for size in (1.0, 7.0)
    )
    assert torch.equal(one.next_observations, seven.next_observations) and torch.equal(one.rewards, seven.rewards)
    assert (seven.actions == 7).all()


@pytest.mark.parametrize("robot", ["Hopper-v5", "Ant-v5"])
def test_a_seed_alone_equals_itself_in_a_stack(robot):
    where = task(robot, horizon=40, termination="restart")
    size = where.spec.action_size

    def run(*seeds):
        return where.source(CPU).rollout(shaking(draws(*seeds), 40, 3, size, 1.0), draws(*seeds), 3)

    stack, alone = run(4, 7, 9), run(7)
    for name in ("observations", "actions", "rewards", "next_observations", "terminated"):
        assert torch.equal(getattr(stack, name)[1:2], getattr(alone, name)), name


@pytest.fixture
def pretended(monkeypatch):
    """Engines that do the same in numpy and in tensors; nobody looks at a tensor, as on a GPU."""
    for name in ("_Batched", "_OneByOne", "_ByWarp"):
        monkeypatch.setattr(robots, name, PretendedRobots)
    monkeypatch.setattr(locomotion, "all_known", lambda flags: isinstance(flags, np.ndarray) and bool(flags.all()))


@pytest.mark.parametrize("termination", ["ignored", "restart", "absorbing", "marked"])
@pytest.mark.parametrize("robot", ["Hopper-v5", "Ant-v5", "Reacher-v5"])
def test_a_rollout_on_the_device_is_that_in_numpy_and_looks_at_nothing(robot, termination, pretended):
    """Some worlds fall at once and often, so starts of several chunks are used up: one look in a chunk at most."""
    found = []
    for physics in ("mujoco", "warp"):
        where = task(
            robot, horizon=60, physics=physics, termination="ignored" if termination == "marked" else termination
        )
        source = where.scoring_source(CPU) if termination == "marked" else where.source(CPU)
        size, d = where.spec.action_size, draws()
        noise = 0.3 * d.normal("latent", "policy", (60, 4, size)) + 2.0 * torch.tensor([0.0, 0.0, 0.1, 1.0])[:, None]
        with NoHost(60 // Starts.CHUNK if termination == "restart" else 0) if physics == "warp" else nullcontext():
            found.append(source.rollout(leaning(noise), d, 4))
    for name in ("observations", "actions", "rewards", "next_observations", "terminated", "truncated"):
        exact, single = (getattr(rollout, name) for rollout in found)
        torch.testing.assert_close(single, exact, rtol=1e-4, atol=1e-4, msg=lambda text, name=name: f"{name}: {text}")
    if termination in ("restart", "marked") and ROBOTS[robot].healthy:
        over = found[0].terminated
        assert over.sum(1).max() > Starts.CHUNK and not over.all()


class Outputs:
    """A policy: noise, and its mean."""

    size = 3

    def noise(self, draws, shape, name, stream):
        return draws.normal(stream, name, (*shape, self.size))

    def act(self, observations, noise=None):
        mean = -0.1 * observations[..., : self.size]
        return mean if noise is None else mean + noise


def test_returns_are_those_of_gymnasiums_episodes():
    """The same resets and actions, ended by Gymnasium's own environment."""
    where = task(horizon=150, score={"n_episodes": 4})
    ev = Evaluation(where, Outputs(), draws(3))
    found = episodes.rollout(ev)
    scores = episodes.compute(ev)
    env = gymnasium.make("Hopper-v5").unwrapped
    env.model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_WARMSTART
    robot, shape = ROBOTS["Hopper-v5"], (4, Starts.CHUNK, ROBOTS["Hopper-v5"].draws)
    u, z = (
        x[0].double().numpy()
        for x in (
            draws(3).uniform("eval", "episodes/reset/0", shape)[:, :, 0],
            draws(3).normal("eval", "episodes/reset/0/normal", shape)[:, :, 0],
        )
    )
    totals, steps = [], []
    for e, (qpos, qvel) in enumerate(zip(*robot.reset(u, z))):
        env.reset(seed=0)
        mujoco.mj_resetData(env.model, env.data)
        env.set_state(qpos, qvel)
        total, over, t = 0.0, False, 0
        while not over and t < 150:
            _, reward, over, _, _ = env.step(found.actions[0, t, e].clamp(-1, 1).double().numpy())
            total, t = total + reward, t + 1
        totals.append(total)
        steps.append(t)
    assert min(steps) < 150
    assert scores["return"].values[0] == pytest.approx(np.mean(totals), rel=1e-5)
    assert scores["length"].values[0] == pytest.approx(np.mean(steps))
    assert "normalised" not in scores and set(scores["return"].references) == {"actions at random"}


SCORED = "task,method,seed,step,metric,value\n"


def write(path, where, n=4, down=(), bonus=0.0, scored="", **more):
    """Write demonstrations of n episodes; in those of `down` the robot falls once; each step pays `bonus` more.

    scored: rows of the expert's own scores; more: further arrays of the file.
    """
    path.with_name("scores.csv").write_text(SCORED + scored)
    found = where.source(CPU).rollout(shaking(draws(0), where.horizon, n, where.spec.action_size), draws(0), n)
    parts = {name: getattr(found, name).numpy() for name in ("observations", "actions", "rewards")}
    parts["rewards"] = parts["rewards"] + np.float32(bonus)
    parts |= {
        "last_observations": found.next_observations[:, -1].numpy(),
        "whole": np.array([[i not in down for i in range(n)]]),
    }
    np.savez(path, **{f"demonstrations/{name}": part for name, part in (parts | more).items()})
    return found


def test_demonstrations_are_whole_episodes_thinned_from_places_of_their_own(tmp_path):
    where = task("HalfCheetah-v5", horizon=40)
    found = write(tmp_path / "e.npz", where, 6, down=[1])
    told = {"demonstrations": str(tmp_path / "e.npz"), "horizon": 40}
    shown = task("HalfCheetah-v5", episodes=4, **told).source(CPU).demonstrations()
    for name in ("observations", "actions", "rewards", "next_observations"):
        assert torch.equal(getattr(shown, name), getattr(found, name)[:1, :, [0, 2, 3, 4]]), name
    assert shown.truncated[:, -1].all() and not shown.truncated[:, :-1].any()
    thin = task("HalfCheetah-v5", episodes=4, every=8, **told)
    few = thin.source(CPU).demonstrations()
    assert few.observations.shape == (1, 5, 4, 17) and (np.diff(thin.demonstration_steps, axis=0) == 8).all()
    assert len(set(thin.demonstration_steps[0])) > 1
    for e in range(4):
        assert torch.equal(
            few.next_observations[0, :, e], shown.next_observations[0, thin.demonstration_steps[:, e], e]
        )
    hashes = {task("HalfCheetah-v5", episodes=n, every=k, **told).data_hash for n, k in ((4, 1), (3, 1), (4, 8))}
    assert len(hashes | {where.data_hash}) == 4


def test_normalised_returns_lie_between_the_two_references(tmp_path):
    where = task("HalfCheetah-v5", horizon=30, score={"n_episodes": 3})
    scored = "e,ppo,0,9,return,40\ne,ppo,0,9,return_mode,50\n"
    write(tmp_path / "e.npz", where, 4, down=[0], bonus=1.0, scored=scored, place=np.array([0]))
    where = task(
        "HalfCheetah-v5", horizon=30, score={"n_episodes": 3}, demonstrations=str(tmp_path / "e.npz"), episodes=3
    )
    outputs = Outputs()
    outputs.size = 6
    scores = episodes.compute(Evaluation(where, outputs, draws(1)))
    low, high = scores["return"].references["actions at random"], scores["return"].references["expert"]
    assert high == 40, "by all of its episodes, not by those that are shown"
    assert scores["normalised"].values[0] == pytest.approx((scores["return"].values[0] - low) / (40 - low))
    assert scores["normalised"].manifest == scores["return"].manifest | {"between": scores["return"].references}
    assert scores["return_mode"].references == {"actions at random": low, "expert": 50}
    assert scores["normalised_mode"].values[0] == pytest.approx((scores["return_mode"].values[0] - low) / (50 - low))
    outputs.act = lambda observations, noise=None: torch.full((*observations.shape[:2], 6), torch.nan)
    failed = episodes.compute(Evaluation(where, outputs, draws(1)))
    assert failed["return"].values[0] == low and failed["normalised"].values[0] == 0


def test_the_expert_is_the_seed_that_left_the_episodes_by_its_last_scores(tmp_path):
    """A file that names no seed is of the one that got the most; the rows of earlier steps and seeds do not count."""
    rows = [
        (seed, step, way * value) for seed, value in ((3, 1.0), (5, 7.0), (8, 2.0)) for way, step in ((9, 4), (1, 8))
    ]
    scored = "".join(
        f"e,ppo,{seed},{step},{metric},{value + more}\n"
        for seed, step, value in rows
        for metric, more in (("return", 0), ("return_mode", 0.5))
    )
    where = task("HalfCheetah-v5", horizon=20)
    told = {"demonstrations": str(tmp_path / "e.npz"), "horizon": 20}
    for more, expected in (({}, 7.0), ({"place": np.array([2])}, 2.0), ({"place": np.array([0])}, 1.0)):
        write(tmp_path / "e.npz", where, scored=scored, **more)
        found = task("HalfCheetah-v5", **told)
        assert found.expert == {"return": expected, "return_mode": expected + 0.5}
        assert found.facts() == {"expert": found.expert}
    assert where.facts() == {}


@pytest.mark.parametrize(
    ("scored", "line"), [("", "does not contain"), ("e,ppo,0,9,return,nan\n", "does not contain"), (None, "is miss")]
)
def test_an_expert_without_scores_gets_one_line(scored, line, tmp_path):
    write(tmp_path / "e.npz", task("HalfCheetah-v5", horizon=20), scored=scored or "")
    if scored is None:
        (tmp_path / "scores.csv").unlink()
    with pytest.raises(BenchError, match=rf"scores.csv.*{line}.*train the expert.s cell") as error:
        task("HalfCheetah-v5", horizon=20, demonstrations=str(tmp_path / "e.npz")).facts()
    assert "\n" not in str(error.value)


def test_episodes_begin_where_the_expert_has_never_been():
    """Twenty times the Hopper's noise of 0.005 is 0.1 m, rad and their rates; none begins fallen."""
    narrow, wide = (
        task(horizon=1, reset_noise=k).source(CPU).rollout(shaking(draws(), 1, 50, 3), draws(), 50).observations[:, 0]
        for k in (1, 20)
    )
    start = torch.tensor([1.25] + [0.0] * 10)
    assert (narrow - start).abs().max() <= 0.005 + 1e-6 and 0.09 < (wide - start).abs().max() <= 0.1 + 1e-6
    assert torch.allclose(wide - start, 20 * (narrow - start), atol=1e-5)
    assert task(reset_noise=20).data_hash != task().data_hash == task(reset_noise=1.0).data_hash
    robot = task(reset_noise=20).robot
    assert robot.is_healthy(*robot.reset(np.stack([np.zeros(12), np.ones(12)]), None)).all(), "none begins fallen"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            {"demonstrations": "none.npz"},
            "none.npz, the demonstrations of robots, is missing: train the expert's cell first",
        ),
        ({"demonstrations": "FILE", "episodes": 5}, "holds 4 whole episodes, but tasks.robots.episodes = 5"),
        (
            {"demonstrations": "FILE", "robot": "Hopper-v5"},
            "does not hold demonstrations of 20 steps with 11 observations and 3 actions",
        ),
        ({"demonstrations": "FILE", "horizon": 30}, "does not hold demonstrations of 30 steps with 17 observations"),
        (
            {"demonstrations": "FILE", "every": 21},
            "tasks.robots.every = 21: must be at most the 20 steps of an episode",
        ),
        ({}, "robots has no demonstrations: set tasks.robots.demonstrations to the expert's cell"),
    ],
)
def test_wrong_demonstrations_get_one_line(words, line, tmp_path):
    write(tmp_path / "e.npz", task("HalfCheetah-v5", horizon=20))
    words = {"robot": "HalfCheetah-v5", "horizon": 20, "episodes": 4} | words
    if words.get("demonstrations") == "FILE":
        words["demonstrations"] = str(tmp_path / "e.npz")
    with pytest.raises(BenchError) as error:
        task(**words).source(CPU).demonstrations()
    assert line in str(error.value) and "\n" not in str(error.value)


def test_an_unknown_robot_is_named():
    with pytest.raises(ValueError, match="one of HalfCheetah-v5, Hopper-v5"):
        task("Hopper-v4")


def test_the_hash_tells_robots_and_rules_apart():
    hashes = {task(name).data_hash for name in ROBOTS}
    assert len(hashes) == len(ROBOTS)
    kinds = ("ignored", "restart", "absorbing")
    assert len({task(horizon=500).data_hash, *(task(termination=kind).data_hash for kind in kinds)}) == 4


@pytest.mark.parametrize(("expert", "counts"), [(2000.0, True), (1600.0, False)])
def test_a_weak_expert_normalises_no_table(expert, counts):
    """Hopper's mark is 2,800; of the way there from 18 at random, 60 % is 1,687."""
    assert episodes.is_expert(task(), expert, 18.0) == counts
    assert episodes.is_expert(task(horizon=100), 30.0, 18.0) and not episodes.is_expert(task(horizon=100), 10.0, 18.0)
    assert episodes.is_expert(task("Reacher-v5"), -10.0, -43.0) and not episodes.is_expert(
        task("Reacher-v5"), -30.0, -43.0
    )
