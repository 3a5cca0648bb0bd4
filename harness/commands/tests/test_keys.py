"""A key changes when a cell's code does, and at no other time."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.commands import keys
from harness.errors import BenchError

FILES = {
    "harness/run/train.py": '"""Loop."""\n\nSTEP = 1\n',
    "harness/run/seeds.py": "",
    "harness/run/pins.py": "",
    "harness/commands/score.py": "from harness.commands import plan\n",
    "harness/commands/plan.py": "",
    "harness/commands/prepare.py": "",
    "harness/metrics/evaluate.py": "",
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
    before = keys.code_key("toy", "line", tree)
    (tree / name).write_text(text)
    after = keys.code_key("toy", "line", tree)
    return before["training"] != after["training"], before["scoring"] != after["scoring"]


def test_comments_docstrings_and_layout_change_nothing(tree: Path) -> None:
    assert edited(tree, "harness/run/train.py", '"""The only loop."""\n# why\nSTEP = (\n    1\n)\n') == (False, False)


@pytest.mark.parametrize("name", ["harness/run/train.py", "harness/run/seeds.py", "baselines/parts/net.py", "harness/tasks/data_toy.py"])
def test_what_training_imports_changes_both_keys(tree: Path, name: str) -> None:
    assert edited(tree, name, "STEP = 2\nWIDTH = 3\n") == (True, True)


@pytest.mark.parametrize("name", ["harness/metrics/error.py", "harness/commands/score.py"])
def test_scoring_code_changes_the_scoring_key_alone(tree: Path, name: str) -> None:
    assert edited(tree, name, "def compute(e):\n    return e.x - e.y\n") == (False, True)


@pytest.mark.parametrize("name", ["harness/commands/plan.py", "baselines/methods/other.py"])
def test_other_code_changes_nothing(tree: Path, name: str) -> None:
    assert edited(tree, name, 'X = 1\nFAMILIES = ("toy",)\n') == (False, False)


def test_a_literal_tuple_is_asked_for_by_name(tree: Path) -> None:
    (tree / "baselines/methods/line.py").write_text("FAMILIES = tuple(x)\n")
    with pytest.raises(BenchError, match="literal tuple"):
        list(keys.pairs(tree))


def test_a_file_for_each_pair_and_none_of_methods_that_are_gone(tree: Path) -> None:
    keys.write_keys(tree)
    folder = tree / "results/keys"
    assert {p.name for p in folder.iterdir()} == {"toy.json", "toy-line.json", "toy-other.json"}
    (tree / "baselines/methods/other.py").unlink()
    keys.write_keys(tree)
    assert {p.name for p in folder.iterdir()} == {"toy.json", "toy-line.json"}
    assert json.loads((folder / "toy-line.json").read_text()) == keys.code_key("toy", "line", tree)


def test_the_text_of_a_tree_keeps_every_value_and_no_empty_field() -> None:
    """Empty fields are what Python versions differ in; the text of this line was worked out by hand."""
    tree = ast.parse("def f(a=1):\n    'doc'\n    return -a\n")
    assert keys.canonical(tree) == (
        "Module(body=[FunctionDef(name='f',args=arguments(args=[arg(arg='a')],defaults=[Constant(value=1)]),"
        "body=[Return(value=UnaryOp(op=USub(),operand=Name(id='a',ctx=Load())))])])"
    )


def test_a_number_and_its_text_differ() -> None:
    one, other = (keys.canonical(ast.parse(text)) for text in ("x = 1", "x = '1'"))
    assert one != other


def test_the_keys_of_this_project_need_no_torch() -> None:
    code = """
import sys
from harness.commands.keys import ROOT, code_key, pairs
found = {pair: code_key(*pair) for pair in pairs()}
assert len(found) >= 3 and "torch" not in sys.modules
for (family, algorithm), key in found.items():
    assert {f"harness/tasks/{family}.py", f"baselines/methods/{algorithm}.py", "harness/maths/philox.py"} <= set(key["files"])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=keys.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
