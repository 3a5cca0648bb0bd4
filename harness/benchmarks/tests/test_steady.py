"""What a long run holds is read at every step from FROM on, and a run that holds more and more misses the aim."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.benchmarks import steady
from harness.benchmarks.record import Options
from harness.cli import main
from harness.report.records.measured import fault, met
from harness.tests import small


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Options:
    small.write(tmp_path)
    assert main(["--root", str(tmp_path), "prepare", "pair"]) == 0
    monkeypatch.setattr(steady, "CELL", ("pair", "plain"))
    return Options(tmp_path, quick=True)


def test_the_most_after_the_first_steps_counts(
    options: Options, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(steady, "FROM", 2)
    held = iter([100.0, 90.0, 104.0, 101.0])
    monkeypatch.setattr(steady, "_resident", lambda: next(held))
    steady.child(str(options.root), *steady.CELL, "5")
    assert capsys.readouterr().out.splitlines()[-1].split() == ["100.0", "104.0"]


def test_a_record_of_the_schema_comes_out(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steady, "STEPS", 11_000)
    (made,) = steady.measure(options)
    assert fault(made, "steady-quick") is None
    assert met(made["rows"][0]) and made["rows"][0]["theirs"]["median"] > 50
    monkeypatch.setattr(steady, "_held", lambda *_: (100.0, 103.0))
    (made,) = steady.measure(options)
    assert not met(made["rows"][0])
