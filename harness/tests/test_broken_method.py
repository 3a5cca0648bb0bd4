"""A method's file that cannot be used is told in one line with file and line, by every command that meets it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from baselines import methods as package
from harness import registry
from harness.cli import main

PARAMS = """\
preset: p
protocol: 1
tasks: {pair: {family: gaussians, seeds: [0], steps: 2}}
methods: {pair: {mine: {algorithm: broken}}}
report: {baseline: {}}
"""
REAL = registry.ROOT
# text of the file: (what an import says, what `bench keys` says, which reads the file without running it)
NO_FAMILIES = "broken.py: no FAMILIES = (...) in the file; add it at the top level, as a literal tuple of strings"
CASES = {
    "x = 1\ndef f(:\n": ("broken.py, line 2: SyntaxError: ", "broken.py, line 2: SyntaxError: "),
    "FAMILIES = ()\n\0": (
        "broken.py: SyntaxError: source code string cannot",
        "broken.py: SyntaxError: source code string cannot",
    ),
    "import os\nimport nothing_of_that_name\n": (
        "broken.py, line 2: ModuleNotFoundError: No module named",
        NO_FAMILIES,
    ),
    "from harness.contracts import nothing\n": (
        "broken.py, line 1: ImportError: cannot import name 'nothing'",
        NO_FAMILIES,
    ),
    "\n\nraise SystemExit(3)\n": ("broken.py, line 3: SystemExit: 3", NO_FAMILIES),
    "Params = build = 1\n": ("broken.py has no FAMILIES", NO_FAMILIES),
    "Params = build = 1\nFAMILIES = 'gaussians'\n": (
        "broken.py must be a tuple of strings, got 'gaussians'",
        NO_FAMILIES,
    ),
}


@pytest.fixture(autouse=True)
def forgotten():
    """What was imported in a case is unknown to the next."""
    yield
    sys.modules.pop("baselines.methods.broken", None)


@pytest.mark.parametrize("text", CASES)
def test_a_broken_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, text: str
) -> None:
    (tmp_path / "params.yaml").write_text(PARAMS)
    methods = tmp_path / registry.METHODS
    methods.mkdir(parents=True)
    (methods / "broken.py").write_text(text)
    (tmp_path / "harness").symlink_to(REAL / "harness")
    monkeypatch.setattr(registry, "ROOT", tmp_path)
    monkeypatch.setattr(package, "__path__", [str(methods)])
    imported, read = CASES[text]
    for command in (["list"], ["check"], ["check", "mine"], ["train", "pair", "mine"], ["keys"]):
        status, error = main(["--root", str(tmp_path), *command]), capsys.readouterr().err
        assert (status, error.count("\n")) == (2, 1), error
        assert (read if command == ["keys"] else imported) in error
