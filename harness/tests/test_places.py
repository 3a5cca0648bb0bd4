"""Any locale, a tree that cannot be written, a full disk: the same keys, and one line instead of a traceback."""

from __future__ import annotations

import ast
import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from harness import cli
from harness.commands import list as list_command
from harness.plan.pipelines import write_pipelines
from harness.registry import ROOT
from harness.report.figures import drawings
from harness.tests import small

LOCALES = {"utf-8": {"LC_ALL": "C.UTF-8"}, "ascii": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}}
WORDS = "\N{LATIN SMALL LETTER E WITH ACUTE}\N{HIRAGANA LETTER A}"

# Whoever reads text without naming its encoding is told so by the interpreter, here as an error, in any locale.
STRICT = """
import sys, warnings
from pathlib import Path
warnings.filterwarnings("error", category=EncodingWarning, module=r"(harness|baselines)\\.")
from harness.cli import main
from harness import registry
from harness.plan.sources import Sources
root = Path(sys.argv[1])
for command in ("check", "list"):
    assert main(["--root", sys.argv[1], command]) == 0
print(registry.literal(root / "harness/own.py", "FAMILIES"))
print(Sources(root).closure(["harness.own"]))
"""

# Every write below the folder fails as on a read-only mount, for root too.
READ_ONLY = """
import errno, os, sys
from harness.cli import main
root, out = sys.argv[1:]
def run(*words):
    return main(["--root", root, *words])
assert run("prepare", "pair") == run("pipelines") == run("evaluate") == 0
WRITES = {"os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate"}
def deny(event, args):
    writes = event in WRITES or event == "open" and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if writes and isinstance(args[0], (str, os.PathLike)) and os.path.abspath(args[0]).startswith(root):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), args[0])
sys.addaudithook(deny)
assert run("list") == run("check") == run("report", "--out", out) == 0
for command in (["train", "pair", "wide"], ["evaluate"], ["report"], ["prepare", "pair"]):
    print("NEXT", *command, file=sys.stderr, flush=True)
    assert run(*command) == 2, command
"""


def run(code: str, *words: str, **variables: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-X", "warn_default_encoding", "-c", code, *words]
    environment = {k: v for k, v in os.environ.items() if k not in ("LANG", "LC_ALL", "PYTHONIOENCODING")}
    return subprocess.run(command, cwd=ROOT, capture_output=True, env=environment | variables, check=False)


def test_keys_are_the_same_in_every_locale_and_printing_never_fails(tmp_path: Path) -> None:
    found = {}
    for name, variables in LOCALES.items():
        root = tmp_path / name
        write_pipelines(root, small.write(root).params)
        (root / "harness").mkdir()
        (root / "harness/own.py").write_text(f'FAMILIES = ("{WORDS}",)  # {WORDS}\n', encoding="utf-8")
        done = run(STRICT, str(root), **variables)
        assert done.returncode == 0, done.stderr.decode()
        *_, literal, found[name] = done.stdout.decode().splitlines()
        assert ast.literal_eval(literal) == (WORDS,)
    assert "harness/own.py" in found["utf-8"] and found["ascii"] == found["utf-8"]


def test_a_tree_that_cannot_be_written_is_read_and_refused_in_one_line(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    small.write(root)
    done = run(READ_ONLY, str(root), str(tmp_path / "out"), BENCH_DEVICE="cpu")
    said = done.stderr.decode()
    assert done.returncode == 0, said
    assert (tmp_path / "out/index.html").is_file() and "Traceback" not in said
    for part in said.split("NEXT ")[1:]:
        _, *printed = part.splitlines()
        assert len(printed) == 1, part
        (line,) = printed
        assert line.startswith("error: ") and str(root) in line and "Read-only file system" in line, part


def test_figures_that_cannot_be_kept_are_no_failure(tmp_path: Path) -> None:
    (tmp_path / "in the way").write_text("", encoding="utf-8")
    drawings.Drawings(tmp_path / "in the way")._write("laptop-pair", {})


@pytest.mark.parametrize(
    "raised, line",
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "/a/b"),
            "cannot use /a/b (No space left on device): free some space",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), "cannot write (No space left on device): free some space"),
        (
            PermissionError(errno.EACCES, "Permission denied", b"/a/b"),
            "cannot use /a/b (Permission denied): make it readable and writable",
        ),
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", Path("/a/b")),
            "cannot use /a/b (No such file or directory): ",
        ),
    ],
)
def test_what_the_file_system_refuses_is_one_line(
    raised, line: str, monkeypatch, capsys: pytest.CaptureFixture
) -> None:
    def fail(args) -> None:
        raise raised

    monkeypatch.setattr(list_command, "run", fail)
    assert cli.main(["list"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {line}") and said.count("\n") == 1


def test_no_folder_for_temporary_files_is_one_line(monkeypatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/nowhere"])
    monkeypatch.setattr(list_command, "run", lambda args: tempfile.mkdtemp())
    assert cli.main(["list"]) == 2
    assert capsys.readouterr().err.endswith("set TMPDIR to a folder that can be written\n")


def test_an_error_of_a_network_keeps_its_traceback(monkeypatch) -> None:
    def fail(args) -> None:
        raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")

    monkeypatch.setattr(list_command, "run", fail)
    with pytest.raises(ConnectionResetError):
        cli.main(["list"])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_output_that_finds_no_room_is_one_line() -> None:
    code = """
import sys
from harness import cli
from harness.commands import list as list_command
from harness.commands import list as command
command.run = lambda args: print("x")
sys.exit(cli.main(["list"]))
"""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, encoding="utf-8", check=False)
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("error: cannot write (No space left on device)")
