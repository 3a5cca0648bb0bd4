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
# text of the file: what every command that needs it says
CASES = {
    "x = 1\ndef f(:\n": "broken.py, line 2: SyntaxError: ",
    "FAMILIES = ()\n\0": "broken.py: SyntaxError: source code string cannot",
    "import os\nimport nothing_of_that_name\n": "broken.py, line 2: ModuleNotFoundError: No module named",
    "from harness.contracts import nothing\n": "broken.py, line 1: ImportError: cannot import name 'nothing'",
    "\n\nraise SystemExit(3)\n": "broken.py, line 3: SystemExit: 3",
    "Params = build = 1\n": "broken.py has no FAMILIES",
    "Params = build = 1\nFAMILIES = 'gaussians'\n": "broken.py must be a tuple of strings, got 'gaussians'",
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
    for command in (["list"], ["check"], ["check", "mine"], ["train", "pair", "mine"], ["keys"]):
        status, error = main(["--root", str(tmp_path), *command]), capsys.readouterr().err
        assert (status, error.count("\n")) == (2, 1), error
        assert CASES[text] in error
