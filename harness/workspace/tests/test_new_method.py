"""`bench new`: params.yaml keeps every line of text and gains one block, and what is refused changes nothing."""

from __future__ import annotations

import shutil
import textwrap
from pathlib import Path

import pytest

from baselines import methods as package
from harness import registry
from harness.cli import main
from harness.errors import BenchError
from harness.plan.params import blocks_of
from harness.plan.plan import load_plan
from harness.run.like import without_title
from harness.workspace.new_block import with_block
from harness.workspace.new_file import renamed_source
from harness.workspace.new_method import new_method
from harness.yaml_text import parse

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
    before = blocks_of(root)
    new_method(root, "mine", like, task, file=False)
    after = blocks_of(root)
    where = next(t for t, blocks in before["methods"].items() if like in blocks and task in (None, t))
    names = list(before["methods"][where])
    assert list(after["methods"][where]) == [*names[: names.index(like) + 1], "mine", *names[names.index(like) + 1 :]]
    assert after["methods"][where].pop("mine") == without_title(before["methods"][where][like])
    assert after == before
    kept, added = without_block((root / "params.yaml").read_text())
    assert kept == TEXT
    assert added[-2:] == ["    mine:\n", f"      like: {like}\n"]
    assert added[0].startswith(f"    # Like {like} ") and all(line.startswith("    # ") for line in added[:-2])


def without_block(text: str) -> tuple[str, list[str]]:
    """The text without the block `mine` and its comment, and the lines of these."""
    lines = text.splitlines(keepends=True)
    first = next(i for i, line in enumerate(lines) if line.startswith("    # Like "))
    last = lines.index("    mine:\n") + 1
    return "".join(lines[:first] + lines[last + 1 :]), lines[first : last + 1]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_an_unusual_layout_is_kept_too(end: str) -> None:
    """Comments at any depth, brackets over lines, tabs before comments, no last line end, other line ends."""
    text = textwrap.dedent("""\
        methods:
            pair:
              gan:   &a   # net of
        # the first
                {algorithm:   critic,
                 batch: 8}\t# two
                # of gan

              # of wide
              'wide': {"algorithm": critic, batch: 0x10}
        # end""")
    made = with_block(text.replace("\n", end), "pair", "gan", ["mine:", "  like: gan"], "Like gan.")
    new = f"{end}      # Like gan.{end}      mine:{end}        like: gan{end}"
    assert made.count(new) == 1 and made.replace(new, end) == text.replace("\n", end) + end
    assert list(parse(made)["methods"]["pair"]) == ["gan", "mine", "wide"]
    last = with_block(text, "pair", None, ["mine: {}"], "New.")
    assert list(parse(last)["methods"]["pair"]) == ["gan", "wide", "mine"]


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
        (["gan", "--like", "vgan"], "digits8 already has a method gan: choose another name"),
        (["a-b", "--like", "vgan"], "'a-b' cannot be the name of a method"),
        (["class", "--like", "vgan"], "'class' cannot be the name of a method"),
        (["null", "--like", "vgan"], "'null' cannot be the name of a method"),
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
    block = "  c_maze_flipped:\n    airl:\n"
    start, end = TEXT.index(block), TEXT.index("  reacher_expert:\n    ppo:")
    text = TEXT[:start] + "  c_maze_flipped: {airl: {like: c_maze.airl}}\n" + TEXT[end:]
    (root / "params.yaml").write_text(text)
    with pytest.raises(BenchError, match="methods.c_maze_flipped is written in braces"):
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
    assert "`bench check from_template`, then `dvc repro`" in capsys.readouterr().out
    assert main(["--root", str(tree), "pipelines"]) == 0
    assert main(["--root", str(tree), "check", "from_template"]) == 0, capsys.readouterr().out
    assert "OK: from_template, cells: 1" in capsys.readouterr().out


def test_a_file_from_an_algorithm_is_the_same_code_without_its_name(tree: Path) -> None:
    new_method(tree, "twin", "vgan", None, file=True)
    mine, theirs = ((tree / registry.METHODS / f"{name}.py").read_text() for name in ("twin", "gan"))
    theirs = theirs.replace("from typing import Literal\n\n", "").replace('    algorithm: Literal["gan"]\n', "")
    assert mine[mine.index("from __future__") :] == theirs[theirs.index("from __future__") :].replace("Gan", "Twin")
    assert "twin" not in mine
    assert load_plan(tree).cell("digits8", "twin").algorithm == "twin"


@pytest.mark.parametrize("name", ["gan", "tests", "test_mine"])
def test_names_that_no_file_may_have(name: str, tree: Path) -> None:
    with pytest.raises(BenchError, match="choose another name"):
        new_method(tree, name, "gail", "reacher", file=True)
    assert (tree / "params.yaml").read_text() == TEXT


def test_a_failure_in_the_middle_leaves_all_as_it_was(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def files() -> list[Path]:
        return sorted(path for path in (tree / registry.METHODS).iterdir() if path.name != "__pycache__")

    before = files()
    monkeypatch.setattr("harness.workspace.new_method.renamed_source", lambda *_: "import nothing_of_that_name\n")
    with pytest.raises(BenchError, match="algorithm broken cannot be imported: .*broken.py, line "):
        new_method(tree, "broken", "gan", None, file=True)
    assert (tree / "params.yaml").read_text() == TEXT and files() == before


@pytest.mark.parametrize("base", ["Method", "Method[Source]", "contracts.Method[Environments]"])
def test_names_in_words_and_strings_stay(base: str) -> None:
    body = '({base}):  # Old\n    x = "Old"\n\nclass Params:\n{field}    size: int\n\nNew = {class_name}\n'
    text = '"""Doc."""\n\nclass Old' + body.format(base=base, field='    algorithm: Literal["old"]\n', class_name="Old")
    expected = '"""\n\nclass NewMethod' + body.format(base=base, field="", class_name="NewMethod")
    assert renamed_source(text, "old.py", "new").endswith(expected)
    with pytest.raises(BenchError, match="old.py cannot be copied"):
        renamed_source(text.replace(f"({base})", ""), "old.py", "new")


@pytest.mark.parametrize(
    "imported, left",
    [
        ("import math\n\nfrom typing import Literal\n\nimport torch\n", "import math\n\nimport torch\n"),
        ("import math\nfrom typing import Literal\n\nimport torch\n", "import math\n\nimport torch\n"),
        ("from typing import Any, Literal\n", "from typing import Any\n"),
        ("from typing import Literal, Protocol\n", "from typing import Protocol\n"),
    ],
)
def test_an_import_that_only_the_name_needed_goes_too(imported: str, left: str) -> None:
    rest = "\n\nclass Old(Method):\n    pass\n\n\nclass Params:\n"
    made = renamed_source(f'{imported}{rest}    algorithm: Literal["old"]\n', "old.py", "new")
    assert made.endswith('"""\n\n' + left + rest.replace("Old", "New") + "    pass\n")
    both = renamed_source(f'{imported}{rest}    algorithm: Literal["old"]\n    x: Literal[1]\n', "old.py", "new")
    assert imported in both


@pytest.mark.parametrize("path", [p for p in (registry.ROOT / registry.METHODS).glob("*.py") if p.stem != "__init__"])
def test_every_algorithm_can_be_copied(path: Path) -> None:
    made = renamed_source(path.read_text(encoding="utf-8"), path.name, "fresh")
    assert f'algorithm: Literal["{path.stem}"]' not in made
    compile(made, path.name, "exec")
