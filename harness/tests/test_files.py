"""A file is the old one or the new one, whole, whatever fails; its bytes do not hang on the locale."""

import ast
import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import files
from harness.errors import BenchError

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_failure_leaves_the_old_file(tmp_path, monkeypatch, moment):
    path = tmp_path / "page.html"
    files.write_bytes(path, b"old")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, moment, full)
    with pytest.raises(BenchError, match="cannot write .*page.html: the disk is full: free some space"):
        files.write_bytes(path, b"new")
    assert path.read_bytes() == b"old" and [p.name for p in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.parametrize(
    ("number", "cure"),
    [
        (errno.EDQUOT, "the disk quota is used up: free some space and run again"),
        (errno.EFBIG, "the file exceeds the limit on file sizes: raise `ulimit -f` and run again"),
        (errno.EMFILE, "the process has too many files open: raise `ulimit -n` and run again"),
        (errno.EROFS, "make its folder writable or name another one"),
    ],
)
def test_the_cure_fits_what_the_system_refused(tmp_path, monkeypatch, number, cure):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(BenchError, match=f"cannot write .*page.html.*{cure}"):
        files.write_bytes(tmp_path / "page.html", b"new")
    assert not [*tmp_path.iterdir()]


def test_synced_before_renamed(tmp_path, monkeypatch):
    order = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (order.append("fsync"), fsync(fd)))
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append("replace"), replace(a, b)))
    files.write_bytes(tmp_path / "x", b"1")
    assert order == ["fsync", "replace"]


def test_two_who_write_one_path_do_not_meet(tmp_path):
    path = tmp_path / "x"
    with files.aside(path) as ours:
        ours.write(b"ours")
        files.write_bytes(path, b"theirs")
        assert path.read_bytes() == b"theirs"
        ours.write(b", whole")
    assert path.read_bytes() == b"ours, whole" and list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_aside_goes_with_the_next_write(tmp_path):
    path = tmp_path / "x[1]"
    code = f"""
import os
from harness import files
with files.aside(files.Path({str(path)!r})) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == -9
    assert len(list(tmp_path.iterdir())) == 1
    files.write_bytes(path, b"whole")
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_a_killed_process_left_half_goes_with_the_next_one(tmp_path):
    code = f"""
import os
from harness import files
room = files.Path({str(tmp_path)!r})
files.write_bytes = lambda path, content: (path.write_bytes(content), os.kill(os.getpid(), 9))
files.write_folder(room / "made", {{"a": b"1", "b": b"2"}}, room)
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == -9
    (left,) = tmp_path.iterdir()
    assert (left / "made/a").exists()
    files.write_folder(tmp_path / "made", {"a": b"1", "b": b"2"}, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == ["a", "b"]


def test_what_is_interrupted_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "x"
    files.write_bytes(path, b"old")
    with pytest.raises(KeyboardInterrupt), files.aside(path) as file:
        file.write(b"new")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_text_is_utf_8_with_its_own_line_ends_in_any_locale(tmp_path):
    code = (
        f"from harness import files; files.write_text(files.Path({str(tmp_path / 'x')!r}), '\\u03b2\\n\\u2264\\r\\n')"
    )
    ascii_only = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=ascii_only, check=True)
    assert (tmp_path / "x").read_bytes() == b"\xce\xb2\n\xe2\x89\xa4\r\n"


def test_what_is_no_file_is_refused_and_stays(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("")
    with pytest.raises(BenchError, match="cannot write .*pipe: it is not a regular file"):
        files.write_bytes(tmp_path / "pipe", b"1")
    with pytest.raises(BenchError, match="cannot write .*below"):
        files.write_bytes(tmp_path / "file/below", b"1")
    assert (tmp_path / "pipe").is_fifo() and sorted(p.name for p in tmp_path.iterdir()) == ["file", "pipe"]


def test_what_writes_tracked_files_writes_them_whole():
    """No code of the floors that write records and pages opens a file for writing by itself."""
    # Scratch files and private copies; they are safe to delete.
    free = {
        "harness/files.py",
        "harness/workspace/copies.py",
        "harness/workspace/pack.py",
        "harness/places/local.py",
        "harness/places/cluster/place.py",
        "harness/benchmarks/peers.py",
        "harness/run/checkpoint.py",
    }
    found = set()
    for path in (ROOT / "harness").rglob("*.py"):
        if "tests" in path.parts:
            continue
        for call in (
            node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)
        ):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            plain = isinstance(call.func, ast.Attribute) and name in ("write_text", "write_bytes")
            modes = [a.value for a in call.args if isinstance(a, ast.Constant)] + [
                k.value for k in call.keywords if k.arg == "mode"
            ]
            opens = name == "open" and any(isinstance(mode, str) and set(mode) & set("wax") for mode in modes)
            table = name == "to_csv" and (call.args or any(k.arg == "path_or_buf" for k in call.keywords))
            if plain or opens or table:
                found.add(path.relative_to(ROOT).as_posix())
    assert found <= free
    assert len(found) > 3  # the search finds


def test_a_folder_is_held_by_one_process_and_shows_no_trace(tmp_path):
    held = tmp_path / "held"
    code = f"from harness import files\nwith files.lock_folder(files.Path({str(held)!r})): print('never')"
    with files.lock_folder(held) as locks:
        assert locks and not list(held.iterdir())
        second = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, text=True)
        assert second.returncode == 1 and "held is in use by another run: wait until that has ended" in second.stderr
        assert second.stdout == ""
    with files.lock_folder(held):
        pass
