"""The cost of digests is measured with digests and without, and what is measured is a run."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from harness.benchmarks import digests
from harness.benchmarks.record import Options
from harness.cli import main
from harness.report.records.measured import fault
from harness.run import checkpoint, train
from harness.tests import small


def test_without_there_is_no_digest_and_with_them_time_is_counted(tmp_path: Path) -> None:
    path, own = tmp_path / "snapshot-1.pt", (checkpoint.hashlib, train.state_hash)
    for there in (False, True):
        with digests._digests(there) as spent:
            checkpoint.save(path, {}, {"x": 1})
            assert checkpoint.load(path, {}) == {"x": 1} and (spent() > 0 or not there)
        content = path.read_bytes()
        true = hashlib.sha256(content[checkpoint.HEADER :]).digest()
        assert (content[len(checkpoint.MAGIC) : checkpoint.HEADER] == true) == there
    assert (checkpoint.hashlib, train.state_hash) == own


def test_a_record_of_the_schema_comes_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small.write(tmp_path)
    assert main(["--root", str(tmp_path), "prepare", "pair"]) == 0
    monkeypatch.setattr(digests, "CELL", ("pair", "plain"))
    (made,) = digests.measure(Options(tmp_path, quick=True))
    assert fault(made, "digests-quick") is None
    assert [row["name"] for row in made["rows"]][-1] == "digests of a run"
    assert 0 < made["rows"][-1]["ours"]["median"] < 100
