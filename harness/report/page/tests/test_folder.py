"""A report's folder: only what reports wrote goes, at any moment a whole page is there, and wrong places are told."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from harness.errors import BenchError
from harness.report.page import folder

ROOT = Path(__file__).resolve().parents[4]
FIRST = [("figures/a.svg", b"a"), ("archived/far/figures/b.svg", b"b"), ("index.html", b"first")]
SECOND = [("figures/c.svg", b"c"), ("index.html", b"second")]


def content(out):
    """path -> bytes of all files below the folder's parent, the manifest aside."""
    found = (path for path in out.parent.rglob("*") if path.is_file() and path.name != folder.MANIFEST)
    return {
        path.relative_to(out).as_posix() if out in path.parents else f"../{path.name}": path.read_bytes()
        for path in found
    }


@pytest.fixture
def out(tmp_path):
    return tmp_path / "pages"


def test_stale_files_of_ours_go_and_foreign_ones_stay(out):
    theirs = {"preview.png": b"0", "figures/own.svg": b"1", "methods/own.html": b"2", "../archived": b"3"}
    for name, text in theirs.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).resolve().write_bytes(text)
    folder.replace(out, FIRST)
    assert content(out) == dict(FIRST) | theirs
    folder.replace(out, SECOND)
    assert content(out) == dict(SECOND) | theirs
    assert not (out / "archived").exists(), "an empty folder of ours stays"
    folder.replace(out, [])
    assert content(out) == theirs


def test_unchanged_files_are_not_touched(out):
    folder.replace(out, FIRST)
    for path in out.rglob("*"):
        os.utime(path, ns=(1, 1))
    folder.replace(out, [*FIRST[:2], ("index.html", b"other")])
    ages = {path.name: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    assert ages.pop("index.html") > 1 and set(ages.values()) == {1} and len(ages) == 3


def failing(files, error):
    yield from files
    raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), BenchError("no such record"), OSError("unreadable record")])
def test_a_failure_while_the_pages_are_made_changes_nothing(out, error):
    folder.replace(out, FIRST)
    with pytest.raises(type(error)) as raised:
        folder.replace(out, failing(SECOND, error))
    assert raised.value is error and content(out) == dict(FIRST)


def test_what_a_killed_run_left_is_cleared_away(out):
    folder.replace(out, FIRST)
    code = (
        "import os, signal; from pathlib import Path; from harness.report.page import folder\n"
        "def files():\n    yield 'figures/c.svg', b'c'\n    yield 'index.html', b'half'\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        f"folder.replace(Path({str(out)!r}), files())"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == -9
    assert {name: text for name, text in content(out).items() if not name.startswith("../")} == dict(FIRST)
    assert len(content(out)) == len(FIRST) + 2, "the killed run had not come as far as this test wants it"
    folder.replace(out, SECOND)
    assert content(out) == dict(SECOND) and [path.name for path in out.parent.iterdir()] == ["pages"]


@pytest.mark.parametrize("moved", [0, 1, 2])
def test_a_run_stopped_between_two_moves_leaves_whole_files_and_the_next_one_clears_up(out, monkeypatch, moved):
    folder.replace(out, FIRST)
    third = [("figures/d.svg", b"d"), ("figures/a.svg", b"e"), ("index.html", b"third")]
    move, moves = os.replace, []

    def stopping(source, target):
        if ".bench-report" in str(source) and not Path(target).is_relative_to(out.with_name(".pages.bench-report")):
            moves.append(target)
            if len(moves) > moved:
                raise KeyboardInterrupt
        move(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", stopping)
        with pytest.raises(KeyboardInterrupt):
            folder.replace(out, third)
    assert content(out) == dict(FIRST) | dict(third[:moved])
    folder.replace(out, SECOND)
    assert content(out) == dict(SECOND)


def test_readers_find_a_whole_page_at_any_time(out):
    pages = [b"x" * 300_000, b"y" * 300_000]
    folder.replace(out, [("index.html", pages[0])])
    done, seen, wrong = threading.Event(), set(), []

    def read():
        while not done.is_set():
            try:
                text = (out / "index.html").read_bytes()
            except OSError as error:
                wrong.append(error)
                return
            seen.add(text[:1])
            if text not in pages:
                wrong.append(text[:10])

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(20):
        folder.replace(out, [(f"figures/{turn % 3}.svg", b"f"), ("index.html", pages[turn % 2])])
    done.set()
    reader.join()
    assert wrong == [] and seen == {b"x", b"y"}


def test_two_reports_at_a_time_are_told_apart(out):
    def files():
        with pytest.raises(BenchError, match="pages is in use by another run: wait"):
            folder.replace(out, SECOND)
        yield from FIRST

    folder.replace(out, files())
    assert content(out) == dict(FIRST)


@pytest.mark.parametrize("name", ["index.html", "figures/a.svg", "manifest.txt", "figures", "archived/far"])
def test_a_foreign_file_in_the_way_is_named_and_nothing_changes(out, name):
    (out / name).parent.mkdir(parents=True)
    (out / name).write_bytes(b"figures/mine.svg\n")
    mine = out / "figures/mine.svg"
    if name != "figures":
        mine.parent.mkdir(exist_ok=True)
        mine.write_bytes(b"mine")
    before = content(out)
    with pytest.raises(BenchError, match=f"{out / name} was not written by a report: move it or give another --out"):
        folder.replace(out, FIRST)
    assert content(out) == before


def test_a_page_in_a_folder_of_the_projects_own_is_replaced(tmp_path):
    assert folder.generated(tmp_path, tmp_path / "reports/laptop") and folder.generated(
        tmp_path, tmp_path / "build/report"
    )
    assert not folder.generated(tmp_path, tmp_path / "mine") and not folder.generated(
        tmp_path / "a", tmp_path / "reports"
    )
    out = tmp_path / "reports/laptop"
    out.mkdir(parents=True)
    (out / "index.html").write_bytes(b"of a version without lists")
    folder.check(tmp_path, out)
    folder.replace(out, FIRST, foreign=True)
    assert content(out) == dict(FIRST)


def test_links_and_lines_that_lead_elsewhere_lead_to_no_removal(tmp_path, out):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "a.svg").write_bytes(b"mine")
    folder.replace(out, FIRST)
    (out / "figures/a.svg").unlink()
    (out / "figures").rmdir()
    (out / "figures").symlink_to(pictures)
    with (out / folder.MANIFEST).open("a") as file:
        file.write(f"../pictures/a.svg\n{pictures}/a.svg\n")
    with pytest.raises(BenchError, match="figures was not written by a report"):
        folder.replace(out, FIRST)
    folder.replace(out, [("index.html", b"alone")])
    assert (pictures / "a.svg").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (".", "is among the project's sources"),
        ("harness", "is among the project's sources"),
        ("results/records/x", "is among the project's sources"),
        ("build/../presets", "is among the project's sources"),
        (".git/x", "is among the project's sources"),
        ("/", "--out /: must be a separate folder"),
        ("page.txt", "page.txt is a file, so name another folder"),
        ("page.txt/below", "page.txt is a file, so name another folder"),
        ("mine", "index.html was not written by a report"),
    ],
)
def test_wrong_places_are_told_before_anything_is_drawn(tmp_path, place, words):
    (tmp_path / "page.txt").write_text("")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/index.html").write_text("my own")
    with pytest.raises(BenchError, match=words):
        folder.check(tmp_path, tmp_path / place)
    folder.check(tmp_path, tmp_path / "reports/laptop")
    folder.check(tmp_path, tmp_path.parent / "elsewhere")


def test_a_place_that_cannot_be_written_is_told(out, monkeypatch):
    with pytest.raises(BenchError, match="cannot write /proc/"):
        folder.replace(Path("/proc/pages"), FIRST)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write to what is read-only
    with pytest.raises(BenchError, match=f"--out {out} cannot be written: make it writable"):
        folder.replace(out, FIRST)
    assert content(out) == {}
