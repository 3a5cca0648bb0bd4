"""Every preset of presets/, shrunk to two steps and one row of each task, goes the way of `bench preset` to its page.

Presets for a GPU, or of data that lie on disk, are composed and get a page without records; so does `smoke`, which
`bench smoke` runs whole.
"""

from __future__ import annotations

import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.errors import BenchError
from harness.plan import needs
from harness.plan.plan import Cell, load_plan
from harness.report.records.frame import load
from harness.run.like import resolve
from harness.run.params import read_yaml
from harness.workspace import presets
from harness.yaml_text import dump

ROOT = Path(__file__).resolve().parents[3]
LATE = "z_late"  # a preset that does not fit the base, for the pages of all others to tell of
COPIED = (
    "harness",
    "baselines",
    ".dvc/config",
    ".gitignore",
    "params.yaml",
    "dvc.yaml",
    "results/data",
    "results/claims.yaml",
    "results/published.csv",
)
REASON = f"presets/{LATE}.yaml: keep.c_mase: unknown key; did you mean c_maze?"

EPISODES = {"score": {"n_episodes": 2}}
SMALL_TASK = {"maze": EPISODES, "locomotion": EPISODES, "tabular": {"n_demonstrations": 20}}
FEW = {"epochs": 1, "minibatches": 2}
SMALL_LEARNER = {"trpo": {"n_envs": 4}, "ppo": {"n_envs": 2, "value": FEW} | FEW}


def merged(block: Any, more: Any) -> Any:
    """`more` laid over `block`, where null stays for the loader to see."""
    if not isinstance(block, dict) or not isinstance(more, dict):
        return more
    return block | {key: merged(block.get(key), value) for key, value in more.items()}


def rows(params: dict[str, Any]) -> dict[str, set[str]]:
    """The methods to keep of each task: its baseline, and those that another task's row takes from."""
    baselines = params["report"]["baseline"]
    kept = {task: {baselines.get(task, next(iter(params["methods"][task])))} for task in params["tasks"]}
    for task, block in params["tasks"].items():
        if source := block.get("rewards"):
            kept[source] |= kept[task]
        if (expert := block.get("demonstrations")) and not needs.is_archived(expert):
            kept[expert.split("/")[0]].add(expert.split("/")[1])
    return kept


def shrunk(overlay: dict[str, Any], params: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    """The overlay with few steps, seeds and episodes, without the other rows and all ablations."""
    tasks, methods, kept = {}, {}, rows(params)
    beneath = resolve(base, "params.yaml")["methods"]
    for task, block in params["tasks"].items():
        tasks[task] = {"seeds": [0, 1], "block": 2, "steps": 2, "evaluations": 1} | SMALL_TASK.get(block["family"], {})
        if block["family"] == "locomotion" and not needs.is_archived(block.get("demonstrations")):
            tasks[task] |= {"horizon": 20} | ({"episodes": 1} if "demonstrations" in block else {})
        methods[task] = dict.fromkeys(base["methods"].get(task, {}))
        for name, method in params["methods"][task].items():
            learner = {"learner": SMALL_LEARNER[method["learner"]["kind"]]} if "learner" in method else {}
            shown = {"demonstrations": 2} if "demonstrations" in method else {}
            own = (overlay.get("methods", {}).get(task) or {}).get(name)
            whole = merged(own, merged(method, learner | shown))  # what it is like may be a row that goes
            methods[task][name] = alone(whole, beneath.get(task, {}).get(name)) if name in kept[task] else None
    swept = {task: dict.fromkeys(block) for task, block in base["ablations"].items() if task in params["tasks"]}
    for task, block in methods.items():  # of what the base does not have, nothing is to be taken away
        known = {*base["methods"].get(task, {}), *kept[task]}
        methods[task] = {name: method for name, method in block.items() if name in known}
    made = merged(overlay | {"ablations": swept}, {"tasks": tasks}) | {"methods": methods}
    report = {key: said for key, said in overlay.get("report", {}).items() if key != "floors"}  # some are rows that go
    return made | ({"report": report} if report else {})


def alone(block: Any, base: Any) -> Any:
    """`block` without what it is like, whose keys it has; null stays where it takes a key of the base away."""
    if not isinstance(block, dict):
        return block
    base = base if isinstance(base, dict) else {}
    kept = {key: value for key, value in block.items() if key != "like" and (value is not None or key in base)}
    return {key: alone(value, base.get(key)) for key, value in kept.items()}


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git tree of the project's code, parameters and archived experts, whose presets are the shrunk ones."""
    tree = tmp_path_factory.mktemp("presets")
    for name in COPIED:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tree / name)
    base = read_yaml(ROOT / "params.yaml")
    (tree / "presets").mkdir()
    for name in presets.names(ROOT):
        overlay, params = read_yaml(ROOT / f"presets/{name}.yaml"), presets.compose_preset(ROOT, name, base)
        (tree / f"presets/{name}.yaml").write_text(dump(shrunk(overlay, params, base)))
        for block in params["tasks"].values():
            if needs.is_archived(expert := block.get("demonstrations")):
                (tree / needs.place(expert)).parent.mkdir(parents=True, exist_ok=True)
                folder = needs.place(expert).parent
                shutil.copytree(ROOT / folder, tree / folder, dirs_exist_ok=True)
    (tree / f"presets/{LATE}.yaml").write_text("keep: [c_mase]\n")
    subprocess.run(["git", "init", "--quiet"], cwd=tree, check=True)
    return tree


def bench(copy: Path, command: str) -> None:
    """As `copies.bench_in`, in this process; cells are trained one by one, those first that others take from."""
    ordered = needs.levels(load_plan(copy).cells) if command == "train" else []
    for run in [run for level in ordered for cell in level for run in training(cell)] or [[command]]:
        if code := main(["--root", str(copy), *run]):
            raise BenchError(f"bench {' '.join(run)} ended with status {code}")


def training(cell: Cell) -> list[list[str]]:
    """The commands for one cell: a task with demonstrations is prepared once its expert has run."""
    taught = needs.demonstrations(cell.task_params) is not None
    return [["prepare", cell.task]] * taught + [["train", cell.task, cell.name]]


@pytest.mark.parametrize("name", presets.names(ROOT))
def test_every_preset_comes_to_its_page(
    name: str, tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    params, on_gpu = presets.compose_preset(tree, name), read_yaml(tree / f"presets/{name}.yaml").get("gpu")
    without_clips = find_spec("pybullet_data") is None and any(b["family"] == "mocap" for b in params["tasks"].values())
    elsewhere = name == "smoke" or on_gpu or any("root" in block for block in params["tasks"].values()) or without_clips
    left_out = ("prepare", "train") if elsewhere else ()
    monkeypatch.setattr(
        presets, "bench_in", lambda copy, command, *_, **__: command in left_out or bench(copy, command)
    )
    page = presets.run_preset(tree, name, [], jobs=1).with_suffix(".md").read_text(encoding="utf-8")
    cells = [cell for frame in load(tree / "build" / name, params).values() for cell in frame.everything]
    asked = {(task, cell) for task, kept in rows(params).items() for cell in kept}
    assert {(cell.task, cell.name) for cell in cells} == asked
    assert all(bool(cell.record) != bool(elsewhere) and f"`{cell.command}`" in page for cell in cells)
    assert f"| preset {LATE} | {REASON} |" in page
    assert capsys.readouterr().err.splitlines()[-1] == f"preset {LATE} is left out: {REASON}"
    others = set(presets.names(ROOT)) - {name, "smoke"}
    assert [other for other in sorted(others) if f"| {other} |" not in page] == []
