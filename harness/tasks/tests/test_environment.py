"""Any Gymnasium environment as a task: its steps, its ends, its seeds, and what is refused."""

from __future__ import annotations

import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest
import torch

from harness.errors import BenchError
from harness.run.seeds import CounterDraws
from harness.tasks.environment import SEEDS, Params, build

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:gymnasium.utils.passive_env_checker")

OWN = '''
import gymnasium, numpy as np

class Walk(gymnasium.Env):
    """A walk on a line: three steps to the right end it, a reward of 1 for each."""
    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (1, 2))
    action_space = gymnasium.spaces.Discrete(2, start=5)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place, self.start = 0, self.np_random.uniform()
        return np.array([[self.place, self.start]], np.float32), {}

    def step(self, action):
        self.place += int(action) - 5
        return np.array([[self.place, self.start]], np.float32), float(action - 5), self.place == 3, False, {}

class Pictures(Walk):
    observation_space = gymnasium.spaces.Dict(x=gymnasium.spaces.Discrete(2))

class Many(Walk):
    action_space = gymnasium.spaces.MultiBinary(2)

for name, kind in (("Walk", Walk), ("Pictures", Pictures), ("Many", Many)):
    gymnasium.register(f"{name}-v0", kind)
'''


@pytest.fixture
def walk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "my_walk.py").write_text(OWN, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "my_walk", raising=False)
    for name in ("Walk-v0", "Pictures-v0", "Many-v0"):
        gymnasium.registry.pop(name, None)
    return "my_walk:Walk-v0"


def task(env: str, **more):
    return build("mine", Params(family="environment", env=env, seeds=(0, 1), steps=2, **more), Path(".scratch/data"))


def rolled(made, act, seeds=(0, 1), n_envs=2, scored=False):
    source = made.scoring_source(torch.device("cpu")) if scored else made.source(torch.device("cpu"))
    return source.rollout(act, CounterDraws(seeds, "test", "cpu"), n_envs)


def always(action: int, n: int = 2):
    row = torch.nn.functional.one_hot(torch.tensor(action), n).float()
    return lambda observations, t: row.expand(*observations.shape[:2], n)


def test_steps_are_those_of_gymnasium_from_the_seed_that_is_drawn() -> None:
    """A continuous action beyond its range is cut to it, and what the policy drew is kept."""
    made = task("Pendulum-v1", horizon=5)
    found = rolled(made, lambda observations, t: torch.full((*observations.shape[:2], 1), 0.7 * t))
    seeds = CounterDraws((0, 1), "test", "cpu").integers("env", "rollout/reset/0", (2,), SEEDS)
    for s, e in ((0, 0), (0, 1), (1, 0), (1, 1)):
        env = gymnasium.make("Pendulum-v1")
        observation, _ = env.reset(seed=int(seeds[s, e]))
        for t in range(5):
            assert np.allclose(found.observations[s, t, e], observation, atol=1e-6)
            observation, reward, *_ = env.step(np.array([min(0.7 * t, 2.0)], np.float32))
            assert np.isclose(found.rewards[s, t, e], reward, atol=1e-5)
            assert np.allclose(found.next_observations[s, t, e], observation, atol=1e-6)
    assert found.actions[0, :, 0, 0].tolist() == pytest.approx([0.0, 0.7, 1.4, 2.1, 2.8])
    assert found.truncated[:, -1].all() and not found.truncated[:, :-1].any() and not found.terminated.any()


def test_a_seed_meets_the_same_alone_and_in_a_stack(walk: str) -> None:
    made = task(walk, horizon=7, termination="restart")
    both, alone = rolled(made, always(1)), rolled(made, always(1), seeds=(1,))
    for name in ("observations", "rewards", "terminated"):
        assert torch.equal(getattr(both, name)[1], getattr(alone, name)[0])


def test_restart_begins_another_episode_from_another_seed(walk: str) -> None:
    made = task(walk, horizon=7, termination="restart")
    assert (made.spec.n_actions, made.spec.action_size, made.spec.shape) == (2, 0, (2,))
    found = rolled(made, always(1))
    assert found.terminated[0, :, 0].tolist() == [False, False, True, False, False, True, False]
    assert found.observations[0, :, 0, 0].tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert found.next_observations[0, :, 0, 0].tolist() == [1, 2, 3, 1, 2, 3, 1]
    starts = found.observations[0, ::3, 0, 1]
    assert len(set(starts.tolist())) == 3


def test_absorbing_stays_in_a_state_of_its_own_and_earns_nothing(walk: str) -> None:
    made = task(walk, horizon=5, termination="absorbing")
    found = rolled(made, always(1))
    assert made.spec.shape == (3,)
    assert found.rewards[0, :, 0].tolist() == [1, 1, 1, 0, 0] and not found.terminated.any()
    assert found.next_observations[0, 2:, 0].tolist() == [[0, 0, 1]] * 3


def test_an_end_that_is_to_be_ignored_is_told(walk: str) -> None:
    with pytest.raises(BenchError, match="ends episodes by itself, but tasks.mine.termination is ignored: use abso"):
        rolled(task(walk, horizon=5), always(1))
    assert not rolled(task(walk, horizon=3), always(0)).terminated.any()


def test_scores_mark_the_end_whatever_the_task_does(walk: str) -> None:
    found = rolled(task(walk, horizon=5, termination="absorbing"), always(1), scored=True)
    assert found.terminated[0, :, 0].tolist() == [False, False, True, False, False]


def test_the_hash_follows_the_rules_and_the_code(walk: str, tmp_path: Path) -> None:
    first = task(walk, horizon=5).data_hash
    assert task(walk, horizon=5).data_hash == first and task(walk, horizon=6).data_hash != first
    (tmp_path / "my_walk.py").write_text(OWN.replace("self.place == 3", "self.place == 4"), encoding="utf-8")
    assert task(walk, horizon=5).data_hash != first


@pytest.mark.parametrize(
    "env, more, line",
    [
        ("my_walk:Walk-v0", {}, "my_walk:Walk-v0 has no time limit: set tasks.mine.horizon"),
        ("my_walk:Pictures-v0", {"horizon": 5}, "the observation space must be a Box, got Dict"),
        ("my_walk:Many-v0", {"horizon": 5}, "the action space must be a Box or Discrete, got MultiBinary"),
        ("Pendulum-v1", {"horizon": 500}, "tasks.mine.horizon = 500: must be at most 200"),
        ("Pendulm-v1", {"horizon": 5}, "gymnasium.make\\('Pendulm-v1'\\) fails: .*doesn't exist"),
        ("none_such:Walk-v0", {"horizon": 5}, "gymnasium.make\\('none_such:Walk-v0'\\) fails: .*none_such"),
    ],
)
def test_what_cannot_be_a_task_is_told_in_one_line(walk: str, env: str, more: dict, line: str) -> None:
    with pytest.raises(BenchError, match=line) as error:
        task(env, **more)
    assert "\n" not in str(error.value)
