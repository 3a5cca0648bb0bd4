"""`bench new`: the text of params.yaml keeps every line, its content gains one block, and what is refused changes nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from baselines import methods as package
from harness import registry
from harness.cli import main
from harness.errors import BenchError
from harness.plan.plan import load_plan
from harness.run.params import read_yaml
from harness.workspace.new_file import renamed
from harness.workspace.new_method import new_method

TEXT = (registry.ROOT / "params.yaml").read_text()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "params.yaml").write_text(TEXT)
    return tmp_path


@pytest.mark.parametrize(
    "like, task",
    [
        ("gan", None),
        ("vgan", None),
        ("vairl_gp", "c_maze"),
        ("vairl_gp", "grid_maze"),
        ("airl", "c_maze_flipped"),
        ("gail", "reacher"),
        ("vail_gp", "reacher"),
        ("vairl", "reacher"),
    ],
)
def test_one_block_more_and_every_line_as_it_was(like: str, task: str | None, root: Path) -> None:
    before = read_yaml(root / "params.yaml")
    new_method(root, "mine", like, task, file=False)
    after = read_yaml(root / "params.yaml")
    where = next(t for t, blocks in before["methods"].items() if like in blocks and task in (None, t))
    names = list(before["methods"][where])
    assert list(after["methods"][where]) == [*names[: names.index(like) + 1], "mine", *names[names.index(like) + 1 :]]
    assert after["methods"][where].pop("mine") == before["methods"][where][like]
    assert after == before
    old, new = TEXT.splitlines(), (root / "params.yaml").read_text().splitlines()
    added = [line for line in new if line.startswith("    # Like ") or "mine:" in line]
    assert len(added) == 2
    first = new.index(added[0])
    last = new.index(added[1])
    assert all(line.startswith("    # ") for line in new[first:last])
    kept = new[:first] + new[last + 1 :]
    changed = [(a, b) for a, b in zip(old, kept, strict=True) if a != b]
    assert len(changed) <= 1 and all(b.startswith(f"    {like}: &") and a == _without_anchor(b) for a, b in changed)


def _without_anchor(line: str) -> str:
    key, _, rest = line.partition(": &")
    return f"{key}: {rest.partition(' ')[2]}".rstrip() if " " in rest else f"{key}:"


def test_the_comment_names_every_key_and_the_plan_has_the_cell(root: Path) -> None:
    new_method(root, "mine", "vgan", None, file=False)
    text = (root / "params.yaml").read_text()
    comment = text[text.index("# Like vgan") : text.index("mine:")]
    cell = load_plan(root).cell("digits8", "mine")
    assert all(key in comment for key in type(cell.method_params).model_fields.keys() - {"algorithm"})
    assert all(key in comment for key in type(cell.method_params.bottleneck).model_fields)
    assert max(map(len, comment.splitlines())) <= 120


@pytest.mark.parametrize(
    "arguments, line",
    [
        (["gan", "--like", "vgan"], "digits8 has a method gan already: take another name"),
        (["a-b", "--like", "vgan"], "'a-b' is no name for a method"),
        (["class", "--like", "vgan"], "'class' is no name for a method"),
        (["yes", "--like", "vgan"], "'yes' is no name for a method"),
        (["reacher", "--like", "vgan"], "reacher is the name of a task"),
        (["mine", "--like", "vgn"], "method vgn: unknown; did you mean vgan?"),
        (["mine", "--like", "vgan", "--task", "grid_maze"], "method vgan of grid_maze: unknown"),
        (["mine", "--like", "vgan", "--task", "digits9"], "task digits9: unknown; did you mean digits8?"),
        (["mine", "--like", "vgan-i_c-0.03"], "vgan-i_c-0.03 has no block of its own"),
        (["mine"], "--like is missing"),
        (["mine", "--file", "--task", "reacher"], "the template is for images, not for reacher"),
        (["mine", "--file"], "this bench runs the code of"),
    ],
)
def test_refused_in_one_line_and_nothing_written(
    arguments: list[str], line: str, root: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["--root", str(root), "new", *arguments]) == 2
    assert line in capsys.readouterr().err
    assert (root / "params.yaml").read_text() == TEXT and list(root.iterdir()) == [root / "params.yaml"]


def test_a_layout_that_cannot_be_written_to(root: Path) -> None:
    text = TEXT.replace("  c_maze_flipped:\n    airl: &retrain", "  c_maze_flipped: {airl: &retrain").replace(
        "discriminator: *airl}\n    vairl_gp: {<<: *retrain, discriminator: *vairl_gp}", "discriminator: *airl}}"
    )
    assert text != TEXT
    (root / "params.yaml").write_text(text)
    with pytest.raises(BenchError, match="methods.c_maze_flipped stands between braces"):
        new_method(root, "mine", "airl", "c_maze_flipped", file=False)
    assert (root / "params.yaml").read_text() == text


@pytest.fixture
def tree(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose algorithms lie in a folder of its own, from which they are imported."""
    folder = root / registry.METHODS
    shutil.copytree(registry.ROOT / registry.METHODS, folder, ignore=shutil.ignore_patterns("__pycache__", "test_*"))
    for name in ("harness", "results"):
        (root / name).symlink_to(registry.ROOT / name)
    monkeypatch.setattr(registry, "ROOT", root)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    return root


def test_a_file_from_the_template_keeps_the_contract_at_once(tree: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["--root", str(tree), "new", "from_template", "--file"]) == 0
    assert "next: change it, `bench check from_template`" in capsys.readouterr().out
    assert main(["--root", str(tree), "pipelines"]) == 0
    assert main(["--root", str(tree), "check", "from_template"]) == 0, capsys.readouterr().out
    assert "OK: from_template, cells: 1" in capsys.readouterr().out


def test_a_file_from_an_algorithm_is_the_same_code_under_another_name(tree: Path) -> None:
    new_method(tree, "twin", "vgan", None, file=True)
    mine, theirs = ((tree / registry.METHODS / f"{name}.py").read_text() for name in ("twin", "gan"))
    code = mine[mine.index("from __future__") :]
    assert code == theirs[theirs.index("from __future__") :].replace('Literal["gan"]', 'Literal["twin"]').replace(
        "Gan", "Twin"
    )
    assert load_plan(tree).cell("digits8", "twin").algorithm == "twin"


@pytest.mark.parametrize("name", ["gan", "tests", "test_mine"])
def test_names_that_no_file_may_have(name: str, tree: Path) -> None:
    with pytest.raises(BenchError, match="take another"):
        new_method(tree, name, "gail", "reacher", file=True)
    assert (tree / "params.yaml").read_text() == TEXT


def test_a_failure_in_the_middle_leaves_all_as_it_was(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted((tree / registry.METHODS).iterdir())
    monkeypatch.setattr("harness.workspace.new_method.renamed", lambda *_: "import nothing_of_that_name\n")
    with pytest.raises(BenchError, match="algorithm broken cannot be imported: .*broken.py, line "):
        new_method(tree, "broken", "gan", None, file=True)
    assert (tree / "params.yaml").read_text() == TEXT and sorted((tree / registry.METHODS).iterdir()) == before


def test_names_in_words_and_strings_stay() -> None:
    text = '"""Doc."""\n\nclass Old(Method):  # Old\n    x = "Old"\n\nclass P:\n    algorithm: Literal["old"]\n\nNew = Old\n'
    assert renamed(text, "old.py", "old", "new").endswith(
        '"""\n\nclass NewMethod(Method):  # Old\n    x = "Old"\n\nclass P:\n    algorithm: Literal["new"]\n\nNew = NewMethod\n'
    )
    with pytest.raises(BenchError, match="old.py cannot be copied"):
        renamed(text.replace("(Method)", ""), "old.py", "old", "new")
