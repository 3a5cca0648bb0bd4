"""An archived record is replayed: it agrees, until the code or a number in the record says otherwise."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from harness.errors import BenchError
from harness.places.prepare import prepare
from harness.places.train import train_cell
from harness.tests import small
from harness.tests.recorded import reseal
from harness.workspace.merge import merge
from harness.workspace.verify import verify


@pytest.fixture
def archived(tmp_path: Path) -> Path:
    """A tree with presets/far.yaml whose two cells are archived, one of them as schema 1 had it."""
    plan = small.write(tmp_path)
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets/far.yaml").write_text("tasks: {pair: {steps: 4}}\n")
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text("")
    (tmp_path / ".gitignore").write_text("build/\n.scratch/\n")
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    prepare(tmp_path, plan, "pair")
    for cell in plan.cells:
        train_cell(tmp_path, cell)
        path = cell.folder(tmp_path) / "record.json"
        record = json.loads(path.read_text()) | {"preset": "far"}
        if cell.name == "wide":
            record |= {"schema": 1, "metrics": {k: v | {"unit": ""} for k, v in record["metrics"].items()}}
        path.write_text(json.dumps(record))
        reseal(path.parent)
    merge(tmp_path, tmp_path)
    return tmp_path


def test_the_present_code_agrees_or_not(archived: Path) -> None:
    assert verify(archived, "far", 10) == {"pair/plain": True, "pair/wide": True}
    folder = archived / "results/archive/far/pair/wide"
    assert json.loads((folder / "verified.json").read_text())["steps"] == 1
    path = folder / "record.json"
    record = json.loads(path.read_text())
    record["state_hashes"]["0"]["1"] = "0" * 16
    path.write_text(json.dumps(record))
    with pytest.raises(BenchError, match="pair/wide: record.json was changed since the record was sealed"):
        verify(archived, "far", 10)
    reseal(folder)
    assert verify(archived, "far", 10) == {"pair/plain": True, "pair/wide": False}
    assert not json.loads((folder / "verified.json").read_text())["agrees"]


def test_what_is_not_archived_is_named(archived: Path) -> None:
    with pytest.raises(BenchError, match="results/archive/far has no record of pair/none"):
        verify(archived, "far", 10, "pair", "none")


def test_a_live_record_is_verified_too_and_nothing_is_left_beside_it(archived: Path) -> None:
    """Its preset is the project's own."""
    folder = archived / "results/records/pair/plain"
    path = folder / "record.json"
    path.write_text(path.read_text().replace('"far"', '"laptop"'))
    reseal(folder)
    before = sorted(folder.iterdir())
    assert verify(archived, "laptop", 10, "pair", "plain") == {"pair/plain": True}
    record = json.loads(path.read_text())
    record["state_hashes"]["0"]["1"] = "0" * 16
    path.write_text(json.dumps(record))
    reseal(folder)
    assert verify(archived, "laptop", 10, "pair", "plain") == {"pair/plain": False}
    assert sorted(folder.iterdir()) == before
