"""Demonstrations come from a data set of Minari and go into one, and are the same episodes on either side."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from harness import registry
from harness.cli import main
from harness.errors import BenchError
from harness.places.train import load_task, train_cell
from harness.plan import needs
from harness.plan.plan import load_plan
from harness.tasks.demonstrations import load
from harness.workspace.minari_files import to_minari
from harness.workspace.new_task import environment_task

minari = pytest.importorskip("minari", reason="the extra minari is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")

WALK = """
import gymnasium
import numpy as np


class Walk(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-10, 10, (2,), np.float32)
    action_space = gymnasium.spaces.Discrete(3, start=1)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.x = self.np_random.uniform(-0.1, 0.1)
        return np.array([self.x, 1.0], np.float32), {}

    def step(self, action):
        self.x += 0.1 * (int(action) - 2)
        return np.array([self.x, 1.0], np.float32), 1.0, abs(self.x) > 0.5, False, {}


gymnasium.register("MinariWalk-v0", "minari_walk:Walk", max_episode_steps=12)
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "params.yaml").write_text((registry.ROOT / "params.yaml").read_text(encoding="utf-8"))
    (tmp_path / "minari_walk.py").write_text(WALK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    yield tmp_path
    sys.modules.pop("minari_walk", None)
    gymnasium.registry.pop("MinariWalk-v0", None)


def recorded(env: gymnasium.Env, policies: list, cut: dict[int, int] | None = None, name: str = "own-v0") -> list[dict]:
    """A data set of an episode for each policy, cut off after so many steps where `cut` says so; and what was seen."""
    buffers, seen = [], []
    for k, policy in enumerate(policies):
        observations, _ = env.reset(seed=k)
        parts = {"observations": [observations], "actions": [], "rewards": [], "terminations": [], "truncations": []}
        for _ in range((cut or {}).get(k, 10**6)):
            action = policy(observations)
            observations, reward, terminated, truncated, _ = env.step(action)
            for part, value in zip(parts.values(), (observations, action, float(reward), terminated, truncated)):
                part.append(value)
            if terminated or truncated:
                break
        seen.append(parts)
        arrays = {key: np.array(parts[key]) for key in ("observations", "actions")}
        rest = {key: parts[key] for key in ("rewards", "terminations", "truncations")}
        buffers.append(minari.data_collector.EpisodeBuffer(**arrays, **rest))
    minari.create_dataset_from_buffers(name, buffers, env=env)
    return seen


def test_own_episodes_are_imitated(root: Path, capsys: pytest.CaptureFixture) -> None:
    """One whole, one that ends in a fall, one cut off: two are shown, the end as the absorbing state."""
    env = gymnasium.make("minari_walk:MinariWalk-v0")
    seen = recorded(env, [lambda o: 1 if o[0] > 0 else 3, lambda o: 3, lambda o: 2], cut={2: 5})
    bench = ["--root", str(root)]
    assert main([*bench, "new-task", "walk", "--env", "minari_walk:MinariWalk-v0", "--demonstrations", "own-v0"]) == 0
    assert "2 of the 3 episodes of own-v0, 1 of which end before" in capsys.readouterr().out
    held = load(str(root / "data/walk/demonstrations.npz"), "walk", 12, {3}, 3)
    np.testing.assert_allclose(held.observations[:, 0, :2], seen[0]["observations"][:12])
    fall = len(seen[1]["actions"])
    assert fall < 12 and not held.observations[:fall, 1, 2].any() and not held.observations[:, 0, 2].any()
    assert (held.observations[fall:, 1] == [0, 0, 1]).all() and (
        held.next_observations[fall - 1 :, 1] == [0, 0, 1]
    ).all()
    assert (held.actions[:fall, 1].argmax(1) == 2).all() and held.rewards.sum(0).tolist() == [12.0, fall]
    plan = load_plan(root)
    cells = [cell for cell in plan.cells if cell.task == "walk"]
    assert needs.place("data/walk") == Path("data/walk/demonstrations.npz") and len(cells) == 2
    assert main([*bench, "prepare", "walk"]) == 0
    small = cells[0].task_params.model_copy(update={"steps": 1, "evaluations": 1, "seeds": (0,), "block": 1})
    train_cell(root, replace(cells[0], task_params=small, seeds=(0,)))
    assert (root / "results/records/walk" / cells[0].name / "record.json").is_file()


def test_an_expert_goes_to_minari_and_comes_back(root: Path, capsys: pytest.CaptureFixture) -> None:
    """The committed expert of Reacher, as a data set that names its environment, and from that a task of the robots."""
    folder = root / "reacher"
    assert main(["--root", str(registry.ROOT), "export", "reacher_expert", "ppo", "--minari", str(folder)]) == 0
    data = minari.MinariDataset(folder / "data")
    assert (data.total_episodes, data.total_steps, data.env_spec.id) == (50, 2500, "Reacher-v5")
    assert data.recover_environment().action_space == data.action_space
    assert main(["--root", str(root), "new-task", "reach", "--demonstrations", str(folder)]) == 0
    assert "data/reach/demonstrations.npz: 50 of the 50 episodes of" in capsys.readouterr().out
    task = load_plan(root).cell("reach", "gail").task_params
    assert (task.family, task.horizon, task.episodes) == ("locomotion", 50, 11)
    ours = load(str(registry.ROOT / "results/records/reacher_expert/ppo/artefacts.npz"), "reacher", 50, {10}, 2)
    back = load(str(root / "data/reach/demonstrations.npz"), "reach", 50, {10}, 2)
    for name, one, other in zip(ours._fields, ours, back):
        np.testing.assert_allclose(other, np.clip(one, -1, 1) if name == "actions" else one, atol=1e-6)
    shown = load_task(root, "reach", task).source("cpu").demonstrations()
    assert shown.observations.shape == (1, 50, 11, 11)


@pytest.mark.parametrize(
    "arguments, line",
    [
        (["--env", "CartPole-v1", "--demonstrations", "own-v0"], "its observations are of Box"),
        (["--env", "Pendulum-v1", "--demonstrations", "none-v0"], "none-v0: Minari cannot read it"),
        (["--env", "Pendulum-v1", "--demonstrations", "."], "is no data set of Minari"),
        (["--env", "minari_walk:MinariWalk-v0", "--demonstrations", "own-v0"], "none of its 1 episodes lasts 12 steps"),
        (["--demonstrations", "own-v0"], "does not name an environment that can be made by its id alone"),
        (["--images", ".", "--demonstrations", "own-v0"], "--demonstrations are of an environment"),
        ([], "say what the task is made of"),
    ],
)
def test_refused_in_one_line_and_nothing_written(
    root: Path, arguments: list[str], line: str, capsys: pytest.CaptureFixture
) -> None:
    recorded(gymnasium.make("minari_walk:MinariWalk-v0"), [lambda o: 2], cut={0: 5})
    gymnasium.registry.pop("MinariWalk-v0")
    sys.modules.pop("minari_walk")
    before = (root / "params.yaml").read_text()
    assert main(["--root", str(root), "new-task", "mine", *arguments]) == 2
    assert line in capsys.readouterr().err
    assert (root / "params.yaml").read_text() == before and not (root / "data").exists()


def test_what_leaves_no_demonstrations_is_told(root: Path) -> None:
    with pytest.raises(BenchError, match="reacher/gail leaves no demonstrations"):
        to_minari(registry.ROOT, "reacher/gail", root / "out")
    with pytest.raises(BenchError, match="is there already"):
        to_minari(registry.ROOT, "reacher_expert/ppo", root)
    assert not (root / "out").exists()


def test_a_missing_file_is_told_with_its_cure(root: Path) -> None:
    with pytest.raises(BenchError, match=r"data/walk/demonstrations.npz is missing: bring it from where"):
        needs.path(root, "data/walk")


def test_without_minari_the_cure_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "minari", None)
    with pytest.raises(BenchError, match=r"the package minari is missing: .*\.\[minari\]"):
        environment_task(root, "mine", "Pendulum-v1", None, "own-v0")
