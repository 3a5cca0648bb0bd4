"""The command line: quick help with an example, one line and a status for what goes wrong."""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from harness import cli
from harness.commands import list as list_command
from harness.errors import BenchError

ROOT = Path(__file__).resolve().parents[2]


def test_help_answers_without_torch() -> None:
    code = """
import sys
from harness.cli import main
try:
    main(["--help"])
except SystemExit as done:
    assert done.code == 0
assert not {"torch", "numpy", "pydantic"} & set(sys.modules)
"""
    before = _children_seconds()
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert _children_seconds() - before < 0.5


@pytest.mark.parametrize("name", ["train", "list", "import"])
def test_a_command_is_the_only_one_loaded(name: str) -> None:
    code = f"""
import sys
from harness.cli import main
try:
    main([{name!r}, "--help"])
except SystemExit as done:
    assert done.code == 0
print(sorted(m for m in sys.modules if m.startswith("harness.commands.") and "._" not in m))
assert not {{"torch", "numpy", "pydantic"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = f"harness.commands.{name}" + "_" * (name == "import")
    assert done.stdout.splitlines()[-1] == repr([loaded])


def _children_seconds() -> float:
    """Processor time, which other programs on the machine do not move much."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def commands() -> dict[str, argparse.ArgumentParser]:
    actions = cli.parser()._subparsers._group_actions
    return actions[0].choices


@pytest.mark.parametrize("name", commands())
def test_each_command_shows_an_example_that_parses(name: str) -> None:
    text = commands()[name].format_help()
    example = " ".join(text.split("example: bench ")[1].split())
    assert example.split()[0] == name
    cli.parser().parse_args(example.split())


@pytest.mark.parametrize(
    "raised, status, line",
    [
        (BenchError("no such cell"), 2, "error: no such cell\n"),
        (
            RecursionError("in C"),
            2,
            "error: a file that was read has too many nested blocks: restore it, e.g. with git\n",
        ),
        (KeyboardInterrupt(), 130, "interrupted; run the same command to continue from the last checkpoint\n"),
    ],
)
def test_what_goes_wrong_is_one_line(
    raised: BaseException, status: int, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def fail(args: argparse.Namespace) -> None:
        raise raised

    monkeypatch.setattr(list_command, "run", fail)
    assert cli.main(["list"]) == status
    assert capsys.readouterr() == ("", line)


def test_a_program_that_a_method_ends_has_not_succeeded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(list_command, "run", lambda args: sys.exit(0))
    assert cli.main(["list"]) == 2
    assert capsys.readouterr().err.endswith("ends the program: raise an error there instead of SystemExit\n")


@pytest.mark.parametrize(
    "arguments, line",
    [
        (
            ["--root", "/nowhere", "check"],
            "error: /nowhere/params.yaml is missing: run bench in the project's folder or set --root",
        ),
        (["check", "digits9"], "error: task or method digits9: unknown; did you mean digits8?"),
        (["chek"], "error: command chek: unknown; did you mean check?"),
        (["preset", "smok"], "error: preset smok: unknown; did you mean smoke?"),
        (["train", "a\nb"], "error: 'a\\nb' on the command line has a control character: leave it out"),
        (["train", "\x1b[2J"], "error: '\\x1b[2J' on the command line has a control character: leave it out"),
    ],
)
def test_bad_input_names_the_nearest(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture, monkeypatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert cli.main(arguments) == 2
    assert capsys.readouterr().err == line + "\n"


@pytest.mark.parametrize("jobs", ["0", "-1", "two", "9" * 5000])
def test_jobs_are_counted_from_one(jobs: str, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["train", "--jobs", jobs])
    assert stopped.value.code == 2
    assert f"must be a positive integer of at most nine digits, got {jobs:.40}" in capsys.readouterr().err


def test_check_counts_what_is_valid(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert cli.main(["check"]) == 0
    assert capsys.readouterr().out.startswith("OK: ")
