"""`bench new-task`: a block that is valid at once, every other line as it was, and what cannot be is told before."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness import registry
from harness.errors import BenchError
from harness.metrics.evaluate import evaluate
from harness.places.train import build_method, load_task
from harness.plan.plan import load_plan
from harness.run.seeds import CounterDraws
from harness.workspace.new_task import environment_task, images_task
from harness.yaml_text import parse

TEXT = (registry.ROOT / "params.yaml").read_text(encoding="utf-8")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "params.yaml").write_text(TEXT, encoding="utf-8")
    return tmp_path


def pictures(folder: Path, n: int) -> Path:
    folder.mkdir(parents=True)
    for i in range(n):
        colour = np.random.RandomState(i).randint(0, 255, (4, 4, 3)).astype(np.uint8)
        Image.fromarray(colour).resize((40, 40)).save(folder / f"{i}.png")
    return folder


def test_few_images_are_told_and_their_methods_are_scored(root: Path) -> None:
    told = images_task(root, "pics", pictures(root / "data/pics", 30), 32)
    assert told[0].startswith("6 test images are too few for a Frechet distance, which needs more than 1280")
    text = (root / "params.yaml").read_text(encoding="utf-8")
    assert [line for line in TEXT.splitlines() if line not in text.splitlines()] == []
    plan = load_plan(root)
    cells = [cell for cell in plan.cells if cell.task == "pics"]
    assert [cell.algorithm for cell in cells] == ["gan", "gan"]
    assert plan.params["tasks"]["pics"]["root"] == "data/pics" and (root / "pipelines/pics/dvc.yaml").is_file()
    params = cells[0].task_params.model_copy(update={"root": str(root / "data/pics")})
    task, draws = load_task(root, "pics", params), CounterDraws((0, 1), "test", "cpu", lookahead=1)
    assert (len(task.train_images), len(task.test_images), task.spec.shape) == (24, 6, (3, 32, 32))
    method = build_method(cells[0], task, draws, draws.uniform("eval", "d", (1,)).device)
    found = evaluate(task, method.outputs(), draws)
    assert [name for name, score in found.scores.items() if score.headline] == ["kid_efficientnet-lite0"]
    assert all(np.isfinite(score.values).all() for score in found.scores.values())


def test_without_its_file_for_dvc_no_task_is_added(root: Path) -> None:
    before = (root / "params.yaml").read_bytes()
    (root / "pipelines").mkdir(exist_ok=True)
    (root / "pipelines/pics").touch()  # in the way of its folder
    with pytest.raises(BenchError, match="pipelines/pics"):
        images_task(root, "pics", pictures(root / "data/pics", 30), 32)
    assert (root / "params.yaml").read_bytes() == before


def test_train_and_test_folders_are_taken_as_they_are(root: Path) -> None:
    pictures(root / "set/train", 16), pictures(root / "set/test", 5)
    images_task(root, "pics", root / "set", 64)
    block = load_plan(root).params["tasks"]["pics"]
    assert (block["train"], block["test"], block["size"], "hold_out" in block) == ("train", "test", 64, False)


def test_a_batch_is_never_larger_than_the_set(root: Path) -> None:
    images_task(root, "pics", pictures(root / "data/pics", 30), 16)
    images_task(root, "more", pictures(root / "data/more", 90), 16)
    params = {cell.task: cell.method_params for cell in load_plan(root).cells}
    assert (params["pics"].batch, params["more"].batch) == (24, params["digits8"].batch)


BROKEN = """
import gymnasium
import numpy as np


class Broken(gymnasium.Env):
    observation_space = action_space = gymnasium.spaces.Box(-1, 1, (2,))

    def reset(self, seed=None, options=None):
        {reset}
        return np.zeros(2, np.float32), {{}}

    def step(self, action):
        return np.zeros(2, np.float32), {reward}, False, False, {{}}


gymnasium.register(id="Broken-v0", entry_point=Broken, max_episode_steps=9)
"""


@pytest.mark.parametrize(
    "reset, reward, line",
    [
        (
            "raise RuntimeError('no camera')",
            0.0,
            r"\(mine.py, line 10: RuntimeError: no camera\): mend its reset or step",
        ),
        ("pass", "float('nan')", "returns NaN or infinity in its first steps: mend its observations or rewards"),
    ],
)
def test_an_environment_is_rehearsed_before_it_is_written(
    root: Path, monkeypatch: pytest.MonkeyPatch, reset: str, reward: object, line: str
) -> None:
    (root / "mine.py").write_text(BROKEN.format(reset=reset, reward=reward))
    monkeypatch.syspath_prepend(root)
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    with pytest.raises(BenchError, match=f"^mine:Broken-v0 .*{line}$"):
        environment_task(root, "own", "mine:Broken-v0", None)
    assert (root / "params.yaml").read_text(encoding="utf-8") == TEXT and not (root / "pipelines").exists()


def test_a_class_that_is_not_registered_is_told_with_the_line_that_does_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = BROKEN.format(reset="pass", reward=0.0).replace("Broken", "Unknown")
    (root / "unknown.py").write_text(text.partition("\n\n\ngymnasium.register")[0])
    monkeypatch.syspath_prepend(root)
    line = r'gymnasium.register\("Unknown-v0", "unknown:Unknown", max_episode_steps=100\)'
    with pytest.raises(BenchError, match=f"^unknown does not register its class Unknown: end the file with .* {line}$"):
        environment_task(root, "own", "unknown:Unknown", None)


@pytest.mark.parametrize("env", ["Pendulum-v1", "CartPole-v1"])
def test_an_environment_has_an_expert_and_a_task_that_imitates_it(root: Path, env: str) -> None:
    environment_task(root, "mine", env, 50)
    plan = load_plan(root)
    block = plan.params["tasks"]["mine"]
    assert (block["env"], block["horizon"], block["termination"]) == (env, 50, "absorbing")
    assert block["demonstrations"].split("/") == ["mine_expert", plan.params["report"]["baseline"]["mine_expert"]]
    cells = [cell for cell in plan.cells if cell.task == "mine"]
    assert len(cells) == 2 and cells[1].method_params.discriminator.bottleneck is not None


@pytest.mark.parametrize("env, gamma, std", [("Pendulum-v1", 0.95, 1.0), ("CartPole-v1", 0.99, 0.3)])
def test_a_first_run_is_small_and_all_its_methods_have_the_experts_learner(
    root: Path, env: str, gamma: float, std: float
) -> None:
    environment_task(root, "mine", env, 100)
    plan = load_plan(root)
    expert, gail, vail = (cell for cell in plan.cells if cell.task.startswith("mine"))
    assert {(cell.seeds, len(cell.blocks)) for cell in (expert, gail, vail)} == {((0, 1, 2), 1)}
    assert [cell.task_params.steps for cell in (expert, gail, vail)] == [150, 80, 80]
    assert gail.method_params.learner == vail.method_params.learner
    for learner in (expert.method_params.learner, gail.method_params.learner):
        assert (learner.n_envs, learner.gamma, learner.policy.initial_std) == (8, gamma, std)
        assert env != "Pendulum-v1" or learner.optimizer.decay is learner.value.optimizer.decay is None
    assert expert.method_params.demonstrations * 8 >= gail.task_params.episodes == 8


def test_what_is_next_are_commands_in_their_order(root: Path) -> None:
    _, *told = environment_task(root, "mine", "Pendulum-v1", None)
    assert [line.partition(": ")[2] for line in told] == [
        "bench train mine_expert",
        "bench train mine --jobs 2",
        "bench compare vail gail --task mine",
        "bench evaluate",
        "bench report",
    ]


def test_a_robot_of_the_project_keeps_its_fast_family(root: Path) -> None:
    environment_task(root, "mine", "Hopper-v5", 40)
    tasks = load_plan(root).params["tasks"]
    for name in ("mine", "mine_expert"):
        assert (tasks[name]["family"], tasks[name]["robot"], tasks[name]["horizon"]) == ("locomotion", "Hopper-v5", 40)


@pytest.mark.parametrize(
    "name, n, size, line",
    [
        ("pics", 10, 32, "has too few images, 10: at least 20 are needed"),
        ("pics", 30, 33, "--size must be one of 16, 32, 64, .* pixels, got 33"),
        ("digits8", 30, 32, "digits8 is already the name of a task or a method"),
        ("vgan", 30, 32, "vgan is already the name of a task or a method"),
        ("my-pics", 30, 32, "'my-pics' cannot be the name of a task"),
    ],
)
def test_refused_in_one_line_and_nothing_written(root: Path, name: str, n: int, size: int, line: str) -> None:
    with pytest.raises(BenchError, match=line):
        images_task(root, name, pictures(root / "data/pics", n), size)
    assert (root / "params.yaml").read_text(encoding="utf-8") == TEXT and not (root / "pipelines").exists()


def test_an_environment_without_a_limit_asks_for_one(root: Path) -> None:
    with pytest.raises(BenchError, match="--horizon = 300: must be at most 200"):
        environment_task(root, "mine", "Pendulum-v1", 300)
    assert parse((root / "params.yaml").read_text(encoding="utf-8")) == parse(TEXT)
