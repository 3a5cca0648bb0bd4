"""A run that is packed on one machine goes on on another with the same bits; what is finished is not trained again."""

from __future__ import annotations

import io
import shutil
import tarfile
from pathlib import Path

import pytest

from harness.errors import BenchError
from harness.places.pool import train_all
from harness.places.prepare import prepare
from harness.places.train import train_block, train_cell
from harness.plan.identity import block_folder
from harness.run import checkpoint
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


def edited(path: Path, name: str, change) -> None:
    """Write a packed block again; change: of the content of `name` -> its new content, or None to leave it out."""
    with tarfile.open(path) as archive:
        files = {member.name: archive.extractfile(member).read() for member in archive}
    files[name] = change(files[name])
    with tarfile.open(path, "w:xz") as archive:
        for member, content in files.items():
            if content is not None:
                info = tarfile.TarInfo(member)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))


def test_the_place_where_a_packed_block_was_made_cannot_be_changed(stopped, tmp_path: Path) -> None:
    """run.json holds it beside the run's identity, and has no digest of its own as a checkpoint has."""
    root, copy, plan = stopped
    (made,) = pack(root, copy)
    edited(made, "run.json", lambda content: content.replace(b'"threads": 1', b'"threads": 3'))
    with pytest.raises(BenchError, match="was rejected: its files do not match SHA256SUMS"):
        unpack(root, plan.params["preset"], tmp_path / "other")


def test_a_block_that_was_packed_without_digests_is_unpacked(stopped, tmp_path: Path) -> None:
    root, copy, plan = stopped
    (made,) = pack(root, copy)
    edited(made, "SHA256SUMS", lambda content: None)
    assert unpack(root, plan.params["preset"], tmp_path / "other") == 2
    wide = plan.cell("pair", "wide")
    theirs = block_folder(copy, wide, wide.blocks[0]) / "run.json"
    assert (tmp_path / "other" / theirs.relative_to(copy)).read_bytes() == theirs.read_bytes()


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
        match=rf"not packed: pair {made.parent.name} seeds-0-1 is too large \(0.0 MB, more than 0 MB\):"
        " split it into parts with `--parts FOLDER`; the other 0 blocks were packed",
    ):
        pack(root, copy)


def block(copy: Path, plan) -> Path:
    cell = plan.cell("pair", "wide")
    return block_folder(copy, cell, cell.blocks[0])


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def test_a_large_block_is_carried_in_parts_to_the_same_bits(stopped, tmp_path: Path, monkeypatch) -> None:
    root, copy, plan = stopped
    carried, preset, wide = tmp_path / "carried", plan.params["preset"], plan.cell("pair", "wide")
    monkeypatch.setattr(packing, "LARGEST", 10)
    monkeypatch.setattr(packing, "PART", 1000)
    made = pack(root, copy, carried)
    assert len(made) > 2 and all(path.stat().st_size <= 1000 and path.is_relative_to(carried) for path in made)
    assert not list((root / "results").glob("unfinished/*/*/*"))
    other = tmp_path / "other"
    small.write(other)
    made[1].rename(made[1].with_suffix(".late"))
    with pytest.raises(BenchError, match=rf"2-of-{len(made)} is missing: copy all {len(made)} parts"):
        unpack(root, preset, other, carried)
    made[1].with_suffix(".late").rename(made[1])
    prepare(other, plan, "pair")
    assert unpack(root, preset, other, carried) == 1
    theirs, ours = (block_folder(place, wide, wide.blocks[0]) for place in (copy, other))
    assert (theirs / "checkpoint.pt").read_bytes() == (ours / "checkpoint.pt").read_bytes()
    assert not (other / packing.JOINED).exists()


def test_of_two_checkpoints_the_newest_that_holds_is_packed(stopped, capsys: pytest.CaptureFixture) -> None:
    root, copy, plan = stopped
    folder = block(copy, plan)
    whole = (folder / "checkpoint.pt").read_bytes()
    (folder / "checkpoint.previous.pt").write_bytes(whole)
    cut(folder / "checkpoint.pt")
    pack(root, copy)
    assert "checkpoint.pt is damaged: " in capsys.readouterr().out
    shutil.rmtree(folder)
    unpack(root, plan.params["preset"], copy)
    assert (folder / "checkpoint.pt").read_bytes() == whole
    assert sorted(path.name for path in folder.iterdir()) == [
        "checkpoint.pt",
        "run.json",
        "snapshot-2.pt",
        "snapshot-4.pt",
    ]


@pytest.mark.parametrize("name", ["checkpoint.pt", "snapshot-2.pt"])
def test_a_damaged_block_is_not_packed(stopped, name: str) -> None:
    root, copy, plan = stopped
    cut(block(copy, plan) / name)
    with pytest.raises(BenchError, match=f"not packed: .*{name} is damaged: .*; the other 0 blocks were packed"):
        pack(root, copy)
    assert not list((root / packing.UNFINISHED).rglob("*.tar.xz"))


def test_a_packed_block_under_another_name_is_refused(stopped) -> None:
    root, copy, plan = stopped
    (made,) = pack(root, copy)
    made.rename(made.with_name("seeds-2-3.tar.xz"))
    with pytest.raises(
        BenchError, match=f"it contains {made.parent.name}/seeds-0-1, which is not what its name says; delete"
    ):
        unpack(root, plan.params["preset"], copy)


@pytest.mark.parametrize(
    ("name", "kind", "line"),
    [
        ("../../checkpoint.pt", tarfile.REGTYPE, "'../../checkpoint.pt' does not belong to a packed block"),
        ("/tmp/snapshot-2.pt", tarfile.REGTYPE, "'/tmp/snapshot-2.pt' does not belong to a packed block"),
        ("snapshot-2.pt", tarfile.SYMTYPE, "'snapshot-2.pt' does not belong to a packed block"),
        ("snapshot-2.pt", tarfile.REGTYPE, "snapshot-2.pt is damaged"),
        ("run.json", tarfile.REGTYPE, "run.json does not identify a run"),
    ],
)
def test_a_hostile_member_is_refused_and_nothing_is_written(stopped, name: str, kind: bytes, line: str) -> None:
    root, copy, plan = stopped
    (made,) = pack(root, copy)
    shutil.rmtree(block(copy, plan))
    with tarfile.open(made) as archive:
        files = {member.name: archive.extractfile(member).read() for member in archive}
    with tarfile.open(made, "w:xz") as archive:
        for kept in files.keys() - {name}:
            member = tarfile.TarInfo(kept)
            member.size = len(files[kept])
            archive.addfile(member, io.BytesIO(files[kept]))
        member = tarfile.TarInfo(name)
        member.type, member.linkname, content = kind, "/etc/passwd", b"else"
        member.size = len(content) if kind == tarfile.REGTYPE else 0
        archive.addfile(member, io.BytesIO(content))
    before = sorted(copy.rglob("*"))
    with pytest.raises(BenchError, match=f"tar.xz was rejected: {line}.*; delete it to train that block again"):
        unpack(root, plan.params["preset"], copy)
    assert sorted(copy.rglob("*")) == before


def test_a_block_of_before_the_digests_is_packed_as_it_is(stopped) -> None:
    root, copy, plan = stopped
    folder = block(copy, plan)
    for path in folder.glob("*.pt"):
        path.write_bytes(path.read_bytes()[checkpoint.HEADER :])
    old = {path.name: path.read_bytes() for path in folder.glob("*.pt")}
    pack(root, copy)
    shutil.rmtree(folder)
    unpack(root, plan.params["preset"], copy)
    assert {path.name: path.read_bytes() for path in folder.glob("*.pt")} == old
