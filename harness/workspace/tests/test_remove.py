"""`bench remove`: params.yaml is as it was before `bench new`, and what is refused changes nothing."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from harness import registry
from harness.cli import main
from harness.errors import BenchError
from harness.plan.plan import load_plan
from harness.workspace.editing import editing
from harness.workspace.new_method import new_method
from harness.workspace.remove import orphaned_records, remove

TEXT = (registry.ROOT / "params.yaml").read_text(encoding="utf-8")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "params.yaml").write_text(TEXT, encoding="utf-8")
    return tmp_path


def leave(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("{}", encoding="utf-8")


@pytest.mark.parametrize("like", ["gan", "vgan_gp", "rsgan_vdb_gp"])
def test_what_new_has_written_is_gone_with_its_record(like: str, root: Path) -> None:
    new_method(root, "mine", like, "digits8", file=False)
    key, record = "results/keys/digits8/mine.json", "results/records/digits8/mine/record.json"
    leave(root, key, record, "results/records/digits8/gan/record.json")
    told = remove(root, "mine")
    assert (root / "params.yaml").read_text(encoding="utf-8") == TEXT
    assert not (root / key).exists() and not (root / record).parent.exists()
    assert (root / "results/records/digits8/gan/record.json").exists()
    assert [line for line in told if "was removed" in line] == [
        "methods.digits8.mine was removed from params.yaml",
        "results/keys/digits8/mine.json was removed",
        "results/records/digits8/mine was removed",
    ]


def test_a_comment_of_ones_own_stays(root: Path) -> None:
    new_method(root, "mine", "gan", "digits8", file=False)
    text = (root / "params.yaml").read_text(encoding="utf-8")
    place = text.index("    # Like gan except")
    text = text[:place] + "    # What follows is about noise.\n" + text[place:]
    (root / "params.yaml").write_text(text, encoding="utf-8")
    remove(root, "mine")
    assert (root / "params.yaml").read_text(encoding="utf-8") == (
        TEXT[:place] + "    # What follows is about noise.\n" + TEXT[place:]
    )


def test_a_record_without_a_block_is_told_and_removed(root: Path, capsys: pytest.CaptureFixture) -> None:
    record = "results/records/digits8/older/record.json"
    leave(root, record, "results/records/digits8/gan/record.json", "results/records/digits8/vgan-i_c-0.1/record.json")
    assert [str(cell) for cell in orphaned_records(root, load_plan(root))] == ["digits8/older"]
    assert main(["--root", str(root), "list"]) == 1  # the records that stand in for others hold nothing
    assert "digits8/older: `bench remove older --task digits8` takes it away" in capsys.readouterr().out
    remove(root, "older", "digits8")
    assert orphaned_records(root, load_plan(root)) == [] and (root / "params.yaml").read_text(encoding="utf-8") == TEXT


@pytest.mark.parametrize(
    "name, task, line",
    [
        ("vgan", None, "digits8/vgan cannot be removed because something still names it: .*= vgan"),
        ("gan", "digits8", "digits8/gan cannot be removed because something still names it: .*gan"),
        (
            "airl",
            None,
            "airl is a method of grid_maze, c_maze, c_maze_flipped, reacher: choose one with --task",
        ),
        ("vgna", None, "params.yaml has neither a block nor a record vgna to remove; did you mean vgan"),
        ("vgan", "reacher", "task reacher has neither a block nor a record vgan to remove; did you mean"),
    ],
)
def test_refused_in_one_line_and_nothing_changed(name: str, task: str | None, line: str, root: Path) -> None:
    record = f"results/records/digits8/{name}/record.json"
    leave(root, record) if name in ("vgan", "gan") else None
    with pytest.raises(BenchError, match=line):
        remove(root, name, task)
    assert (root / "params.yaml").read_text(encoding="utf-8") == TEXT
    assert (root / record).exists() == (name in ("vgan", "gan"))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda text: text.replace("\n", "\r\n", 1), "mixes two kinds of line ends"),
        (lambda text: text.replace("\n", "\r"), "a carriage return for a line end"),
        (lambda text: text.replace("\n", " # a\u2028# b\n", 1), r"U\+2028 for a line end"),
    ],
)
def test_odd_line_ends_are_named_and_nothing_changes(spoil, words: str, root: Path) -> None:
    path = root / "params.yaml"
    path.write_bytes(spoil(TEXT).encode())
    before = path.read_bytes()
    with pytest.raises(BenchError, match=words):
        remove(root, "vgan_sn", "digits8")
    with pytest.raises(BenchError, match=words):
        new_method(root, "mine", "gan", "digits8", file=False)
    assert path.read_bytes() == before


def test_two_that_add_a_method_at_once_both_succeed(root: Path) -> None:
    """The second waits: without a lock it would write what it read before the first one wrote."""
    held = threading.Event()

    def first() -> None:
        with editing(root):
            held.set()
            time.sleep(0.5)
            new_method(root, "aaa", "gan", "digits8", file=False)

    thread = threading.Thread(target=first)
    thread.start()
    assert held.wait(10)
    assert main(["--root", str(root), "new", "bbb", "--like", "gan", "--task", "digits8"]) == 0
    thread.join()
    assert {"aaa", "bbb"} <= load_plan(root).params["methods"]["digits8"].keys()
