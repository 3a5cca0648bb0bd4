"""A run that is packed on one machine goes on on another with the same bits; what is finished is not trained again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.errors import BenchError
from harness.places.pool import train_all
from harness.places.prepare import prepare
from harness.places.train import train_block, train_cell
from harness.plan.identity import block_folder
from harness.tests import small
from harness.workspace import pack as packing
from harness.workspace.pack import pack, unpack


@pytest.fixture
def stopped(tmp_path: Path):
    """(root, copy, plan): in the copy one cell has its record, the other its checkpoint alone."""
    copy = tmp_path / "copy"
    plan = small.write(copy)
    prepare(copy, plan, "pair")
    train_cell(copy, plan.cell("pair", "plain"))
    train_block(copy, plan.cell("pair", "wide"), 0)
    return tmp_path / "root", copy, plan


def test_a_packed_run_goes_on_elsewhere(stopped, tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    root, copy, plan = stopped
    (made,) = pack(root, copy)
    assert made.is_relative_to(root / "results/unfinished") and made.stat().st_size < 3_000_000
    assert (root / "results/archive" / plan.params["preset"] / "pair/plain/record.json").exists()
    other = tmp_path / "other"
    small.write(other)
    prepare(other, plan, "pair")
    assert unpack(root, plan.params["preset"], other) == 2
    wide = plan.cell("pair", "wide")
    theirs, ours = (block_folder(place, wide, wide.blocks[0]) / "checkpoint.pt" for place in (copy, other))
    assert theirs.read_bytes() == ours.read_bytes()
    train_cell(copy, wide)
    capfd.readouterr()
    train_all(other, plan.cells, plan, 1)
    out = capfd.readouterr().out
    assert "pair/plain is up to date" in out and "pair/wide scores done" in out and "pair/plain block" not in out
    assert (wide.folder(copy) / "record.json").read_bytes() == (wide.folder(other) / "record.json").read_bytes()
    assert unpack(root, plan.params["preset"], other) == 0, "what is there stays"
    assert pack(root, other) == [] and not made.exists(), "a finished cell needs no packed block"


def test_a_copy_of_another_commit_is_packed_too(stopped) -> None:
    """Its keys are not those of the present code: the folders' names say what is there."""
    root, copy, plan = stopped
    folder = block_folder(copy, plan.cell("pair", "wide"), plan.cell("pair", "wide").blocks[0])
    folder.parent.rename(folder.parent.with_name("0123456789abcdef"))
    (made,) = pack(root, copy)
    assert made.parent.name == "0123456789abcdef" and made.name == f"{folder.name}.tar.xz"


def test_what_cannot_be_packed_or_unpacked_is_named(stopped, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, copy, plan = stopped
    (made,) = pack(root, copy)
    made.write_bytes(made.read_bytes()[:100])
    shutil.rmtree(block_folder(copy, plan.cell("pair", "wide"), plan.cell("pair", "wide").blocks[0]))
    with pytest.raises(BenchError, match="tar.xz is damaged: delete it to train that block again"):
        unpack(root, plan.params["preset"], copy)
    train_block(copy, plan.cell("pair", "wide"), 0)
    monkeypatch.setattr(packing, "LARGEST", 10)
    with pytest.raises(
        BenchError,
        match=rf"not packed, larger than 0 MB: pair {made.parent.name} seeds-0-1 \(0.0 MB\); the other 0 blocks are",
    ):
        pack(root, copy)
