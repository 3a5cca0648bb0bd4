"""What is asked often takes neither torch nor pandas: the list, the check, and the start of the command itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.plan.outline import outline, outlines
from harness.plan.pipelines import write_pipelines
from harness.plan.plan import load_plan
from harness.remembered import FOLDER
from harness.tests import small

CODE = """
import sys
from harness.cli import main
main(["--root", sys.argv[1], *sys.argv[2:]])
print(*sorted({"torch", "pandas", "scipy", "matplotlib", "numpy"} & set(sys.modules)), file=sys.stderr)
"""


def imported(root: Path, *command: str) -> list[str]:
    """Which of the slow packages a command took."""
    words = [sys.executable, "-c", CODE, str(root), *command]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stderr.split()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_pipelines(tmp_path, small.write(tmp_path).params)
    return tmp_path


@pytest.mark.parametrize("command", ["check", "list"])
def test_what_was_checked_once_takes_nothing_slow(root: Path, command: str) -> None:
    assert "torch" in imported(root, command)  # a block is checked by the algorithm's own code
    assert imported(root, command) == []


def test_a_changed_block_is_checked_again(root: Path) -> None:
    assert "torch" in imported(root, "check")
    path = root / "params.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("width: 4", "widht: 4"), encoding="utf-8")
    said = imported(root, "check")
    assert "torch" in said and "error:" in said


def test_the_list_is_that_of_the_plan(root: Path) -> None:
    """Also where it comes from the index, and where the index is damaged."""
    plan = load_plan(root)
    for _ in range(2):
        found = outlines(root)
        assert found.params == plan.params
        assert found.cells == [outline(cell) for cell in plan.cells]
    (index,) = (root / FOLDER).glob("plan.json")
    for damaged in (b"", index.read_bytes().replace(b"plain", b"plane"), index.read_bytes()[:-9]):
        index.write_bytes(damaged)
        assert outlines(root).cells == [outline(cell) for cell in plan.cells]
