"""A key changes when a cell's code does, and at no other time."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.errors import BenchError
from harness.plan import keys, sources
from harness.plan.blocks import cell_blocks
from harness.plan.params import blocks_of
from harness.plan.plan import load_plan
from harness.run.like import compose, resolve
from harness.run.params import read_yaml
from harness.workspace.presets import compose_preset, names

FILES = {
    "harness/run/train.py": '"""Loop."""\n\nSTEP = 1\n',
    "harness/run/seeds.py": "",
    "harness/run/pins.py": "",
    "harness/places/score.py": "from harness.commands import plan\n",
    "harness/plan/plan.py": "",
    "harness/places/prepare.py": "",
    "harness/metrics/evaluate.py": "",
    "harness/metrics/encoders/serve.py": "",
    "harness/metrics/encoders/big_net.py": "SIDE = 299\n",
    "harness/metrics/encoders/small_net.py": "",
    "harness/metrics/error.py": "def compute(e):\n    return e.y - e.x\n",
    "harness/tasks/toy.py": 'metrics = ("error",)\n\n\ndef load():\n    from harness.tasks import data_toy\n',
    "harness/tasks/data_toy.py": "N = 5\n",
    "baselines/parts/net.py": "WIDTH = 3  # units\n",
    "baselines/methods/line.py": 'from baselines.parts.net import WIDTH\n\nFAMILIES = ("toy",)\n',
    "baselines/methods/other.py": 'FAMILIES = ("toy",)\n',
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def edited(tree: Path, name: str, text: str) -> tuple[bool, bool]:
    """Whether the (training, scoring) key of toy-line changes with a file's text."""
    before = keys.code_key("toy", "line", root=tree)
    (tree / name).write_text(text)
    after = keys.code_key("toy", "line", root=tree)
    return before["training"] != after["training"], before["scoring"] != after["scoring"]


def test_comments_docstrings_and_layout_change_nothing(tree: Path) -> None:
    assert edited(tree, "harness/run/train.py", '"""The only loop."""\n# why\nSTEP = (\n    1\n)\n') == (False, False)


@pytest.mark.parametrize(
    "name", ["harness/run/train.py", "harness/run/seeds.py", "baselines/parts/net.py", "harness/tasks/data_toy.py"]
)
def test_what_training_imports_changes_both_keys(tree: Path, name: str) -> None:
    assert edited(tree, name, "STEP = 2\nWIDTH = 3\n") == (True, True)


@pytest.mark.parametrize("name", ["harness/metrics/error.py", "harness/places/score.py"])
def test_scoring_code_changes_the_scoring_key_alone(tree: Path, name: str) -> None:
    assert edited(tree, name, "def compute(e):\n    return e.x - e.y\n") == (False, True)


@pytest.mark.parametrize("name", ["harness/plan/plan.py", "baselines/methods/other.py"])
def test_other_code_changes_nothing(tree: Path, name: str) -> None:
    assert edited(tree, name, 'X = 1\nFAMILIES = ("toy",)\n') == (False, False)


PARAMS = {
    "protocol": 1,
    "tasks": {"seen": {"family": "toy", "score": {"encoder": "big-net"}}, "blind": {"family": "toy"}},
    "methods": {
        "seen": {"a": {"algorithm": "line"}, "b": {"algorithm": "other"}},
        "blind": {"a": {"algorithm": "line"}},
    },
    "ablations": {"seen": {"lr": {"method": "a", "key": "lr", "values": [0.5, 2], "seeds": [0]}}},
}
SEEN = {f"seen/{name}.json" for name in ("prepare", "a", "b", "a-lr-0.5", "a-lr-2")}
BLIND = {f"blind/{name}.json" for name in ("prepare", "a")}


def test_a_literal_tuple_is_asked_for_by_name(tree: Path) -> None:
    (tree / "harness/tasks/toy.py").write_text("metrics = tuple(x)\n")
    with pytest.raises(BenchError, match="literal tuple"):
        keys.code_key("toy", "line", root=tree)


def test_a_file_for_each_cell_and_none_of_cells_that_are_gone(tree: Path) -> None:
    def written(params: dict) -> set[str]:
        keys.write_keys(tree, params)
        folder = tree / "results/keys"
        return {path.relative_to(folder).as_posix() for path in folder.rglob("*")} - {"seen", "blind"}

    assert written(PARAMS) == SEEN | BLIND
    key = json.loads((tree / "results/keys/seen/a-lr-2.json").read_text())
    assert key["code"] == keys.code_key("toy", "line", "big-net", tree)
    assert key["params"] == {
        "protocol": 1,
        "task": {"family": "toy", "score": {"encoder": "big-net"}, "seeds": [0]},
        "method": {"algorithm": "line", "lr": 2},
        "ablation": {"key": "lr", "value": 2},
    }
    tasks, methods = {"seen": PARAMS["tasks"]["seen"]}, {"seen": {"b": {"algorithm": "other"}}}
    fewer = PARAMS | {"tasks": tasks, "methods": methods, "ablations": {}}
    assert written(fewer) == {"seen/prepare.json", "seen/b.json"}
    assert not (tree / "results/keys/blind").exists()


LINE = {
    "protocol": 1,
    "tasks": {"line": {"family": "toy", "steps": 3, "seeds": [0, 1]}, "far": {"like": "line"}},
    "methods": {
        "line": {
            "a": {"algorithm": "line", "lr": 0.1, "net": {"width": 8, "code": {"i_c": 0.5}}},
            "b": {"algorithm": "other", "lr": 1e-3},
            "like_a": {"like": "a", "net": {"width": 16}},
        },
        "far": {"far_a": {"like": "line.a"}, "part": {"algorithm": "other", "net": {"like": "line.like_a.net"}}},
    },
    "ablations": {"line": {"lr": {"method": "like_a", "key": "lr", "values": [0.5, 2], "seeds": [0]}}},
}
SWEPT = {"line/like_a-lr-0.5", "line/like_a-lr-2"}
LIKE_A = {"line/like_a", "far/part"} | SWEPT
ON_LINE = {"line/a", "line/b", "line/like_a"} | SWEPT
ALL = ON_LINE | {"far/far_a", "far/part"}


@pytest.mark.parametrize(
    ("overlay", "changed"),
    [
        ({"methods": {"line": {"a": {"lr": 0.2}}}}, {"line/a", "line/like_a", "far/far_a"}),
        ({"methods": {"line": {"a": {"net": {"width": 9}}}}}, {"line/a", "far/far_a"}),
        ({"methods": {"line": {"a": {"net": {"code": {"i_c": 0.2}}}}}}, {"line/a", "far/far_a"} | LIKE_A),
        ({"methods": {"line": {"like_a": {"lr": 0.2}}}}, {"line/like_a"}),
        ({"methods": {"line": {"b": {"lr": 0.2}}}}, {"line/b"}),
        ({"methods": {"line": {"b": {"lr": 1.0e-3}, "a": {"title": "A"}}}, "tasks": {"line": {"title": "B"}}}, set()),
        ({"tasks": {"far": {"like": None, "family": "toy", "steps": 3, "seeds": [0, 1]}}}, set()),
        ({"protocol": 2}, ALL),
        ({"tasks": {"line": {"steps": 4}}}, ALL | {"line/prepare", "far/prepare"}),
        ({"tasks": {"far": {"seeds": [2]}}}, {"far/far_a", "far/part", "far/prepare"}),
        ({"ablations": {"line": {"lr": {"seeds": [1]}}}}, SWEPT),
        ({"ablations": {"line": {"lr": {"set": {"net.width": 2}}}}}, SWEPT),
        ({"ablations": {"line": {"lr": {"along": {"net.width": [16, 3]}}}}}, {"line/like_a-lr-2"}),
        ({"ablations": {"line": {"lr": {"reference": "b"}}}}, set()),
    ],
    ids=str.split("base overridden inside own other title written protocol steps seeds swept set along reference"),
)
def test_parameters_change_the_cells_whose_blocks_come_out_as_others(
    tree: Path, overlay: dict[str, Any], changed: set[str]
) -> None:
    before, after = (keys.key_files(resolve(params, "p"), tree) for params in (LINE, compose(LINE, overlay, "p")))
    assert {name.removesuffix(".json") for name in before if before[name] != after[name]} == changed
    assert before.keys() == after.keys()


def test_a_method_may_not_take_the_name_of_the_tasks_own_key(tree: Path) -> None:
    params = PARAMS | {"methods": {"blind": {"prepare": {"algorithm": "line"}}}, "ablations": {}}
    with pytest.raises(BenchError, match="methods.blind.prepare: .*rename it"):
        keys.write_keys(tree, params)


@pytest.mark.parametrize("name, changed", [("big_net", SEEN), ("small_net", set()), ("serve", SEEN)])
def test_an_encoder_is_in_the_keys_of_the_cells_it_scores_alone(tree: Path, name: str, changed: set[str]) -> None:
    before = keys.key_files(PARAMS, tree)
    (tree / f"harness/metrics/encoders/{name}.py").write_text("SIDE = 300\n")
    after = keys.key_files(PARAMS, tree)
    assert {file for file in before if before[file] != after[file]} == changed
    assert before["seen/a.json"]["code"]["training"] == after["seen/a.json"]["code"]["training"]


def test_a_constant_of_one_encoder_stales_the_cells_that_it_scores(tmp_path: Path) -> None:
    """Of this project: of params.yaml and of every preset laid over it."""
    for part in ("harness", "baselines"):
        shutil.copytree(keys.ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("tests", "__pycache__"))
    base = read_yaml(keys.ROOT / "params.yaml")
    plans = [blocks_of(keys.ROOT), *(compose_preset(keys.ROOT, name, base) for name in names(keys.ROOT))]
    before = [keys.key_files(params, tmp_path) for params in plans]
    with (tmp_path / "harness/metrics/encoders/vdb_legacy.py").open("a") as file:
        file.write("CHANGED = 1\n")
    after = [keys.key_files(params, tmp_path) for params in plans]
    changed = [{file for file in old if old[file] != new[file]} for old, new in zip(before, after)]
    assert any(changed) and not changed[0], "presets score by it, params.yaml does not"
    for params, files, found in zip(plans, before, changed):
        blocks = params["tasks"].items()
        scored = {task for task, block in blocks if block.get("score", {}).get("encoder") == "vdb-legacy"}
        assert found == {file for file in files if file.split("/")[0] in scored}


def test_the_cells_with_a_key_are_those_of_the_plan() -> None:
    """And their blocks are the parameters that the plan has."""
    plan = load_plan(keys.ROOT)
    for block, cell in zip(cell_blocks(plan.params), plan.cells, strict=True):
        assert (block.task, block.cell, tuple(block.seeds)) == (cell.task, cell.name, cell.seeds)
        assert type(cell.method_params)(**block.method) == cell.method_params
    assert len({(cell.task, cell.name) for cell in plan.cells}) == len(plan.cells)


def test_the_text_of_a_tree_keeps_every_value_and_no_empty_field() -> None:
    """Empty fields are what Python versions differ in; the text of this line was worked out by hand."""
    tree = ast.parse("def f(a=1):\n    'doc'\n    return -a\n")
    assert sources.canonical(tree) == (
        "Module(body=[FunctionDef(name='f',args=arguments(args=[arg(arg='a')],defaults=[Constant(value=1)]),"
        "body=[Return(value=UnaryOp(op=USub(),operand=Name(id='a',ctx=Load())))])])"
    )


def test_a_number_and_its_text_differ() -> None:
    one, other = (sources.canonical(ast.parse(text)) for text in ("x = 1", "x = '1'"))
    assert one != other


def test_the_keys_of_this_project_need_no_torch() -> None:
    code = """
import sys
from harness.plan.keys import ROOT, code_key
found = {pair: code_key(*pair) for pair in (("gaussians", "critic"), ("images", "gan"), ("maze", "imitation"))}
assert "torch" not in sys.modules
for (family, algorithm), key in found.items():
    expected = {f"harness/tasks/{family}.py", f"baselines/methods/{algorithm}.py", "harness/maths/philox.py"}
    assert expected <= set(key["files"])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=keys.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
