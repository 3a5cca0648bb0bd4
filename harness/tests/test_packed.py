"""Tables of the archive stand compressed, under the seal that they had."""

from __future__ import annotations

import lzma
import shutil
from pathlib import Path

import pytest

from harness import packed, seal
from harness.errors import BenchError
from harness.report.records.frame import CellFrame, read
from harness.schema import read_head
from harness.store import CURVES, PANELS, SCORES, SEAL
from harness.tests.recorded import head, put
from harness.workspace.merge import copy_record

FILES = {
    CURVES: b"seed,step,kl\n0,10,0.25\n",
    PANELS: b"seed,panel,x,y\n0,curve,0.5,1.25\n",
    SCORES: b"task,method,seed,step,metric,value\npair,plain,0,10,error,1.5\n",
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A record of the preset `far`, in the folder of a copy."""
    folder = tmp_path / "copy/results/records/pair/plain"
    put(folder, head("pair", "plain", preset="far"), **{Path(name).stem: text for name, text in FILES.items()})
    return folder


@pytest.fixture
def archived(source: Path, tmp_path: Path) -> Path:
    """The same record in the archive."""
    folder = tmp_path / "results/archive/far/pair/plain"
    copy_record(source, folder, tmp_path)
    return folder


def test_packing_is_undone_and_leaves_small_files_alone() -> None:
    made = packed.packed(FILES)
    assert made.keys() == {f"{CURVES}.xz", f"{PANELS}.xz", SCORES}
    assert lzma.decompress(made[f"{PANELS}.xz"]) == FILES[PANELS]
    assert packed.unpacked({Path(name): content for name, content in made.items()}) == FILES


def test_an_archived_record_keeps_its_seal_and_says_the_same(source: Path, archived: Path) -> None:
    assert not (archived / PANELS).exists() and not (archived / CURVES).exists()
    assert (archived / SEAL).read_bytes() == (source / SEAL).read_bytes()
    assert read_head(archived) == read_head(source)
    cell = CellFrame("pair", "plain", "plain", "plain")
    was, kept = (read(folder.parents[1], cell) for folder in (source, archived))
    assert kept.panels is not None and kept.panels.equals(was.panels)
    assert kept.curves is not None and kept.curves.equals(was.curves)


def test_a_record_from_the_archive_is_the_one_that_went_in(source: Path, archived: Path, tmp_path: Path) -> None:
    again = tmp_path / "other/results/records/pair/plain"
    copy_record(archived, again, tmp_path / "other")
    assert {path.name: path.read_bytes() for path in again.iterdir()} == {
        path.name: path.read_bytes() for path in source.iterdir()
    }


@pytest.mark.parametrize("name", sorted(packed.LARGE))
@pytest.mark.parametrize("content", [lzma.compress(b"seed\n"), b"no xz", b""])
def test_a_changed_table_breaks_the_seal(archived: Path, name: str, content: bytes) -> None:
    (archived / f"{name}{packed.SUFFIX}").write_bytes(content)
    with pytest.raises(BenchError, match=f"pair/plain: {name} was changed since the record was sealed"):
        read_head(archived)


def test_a_lost_table_breaks_the_seal(archived: Path) -> None:
    (archived / f"{PANELS}{packed.SUFFIX}").unlink()
    with pytest.raises(BenchError, match=f"{PANELS} is missing, although the record was sealed with it"):
        read_head(archived)


def test_a_record_written_over_a_packed_one_leaves_nothing_of_it(source: Path, archived: Path) -> None:
    seal.write(archived, {path.name: path.read_bytes() for path in source.iterdir()})
    assert not list(archived.glob(f"*{packed.SUFFIX}"))


def test_a_table_that_is_not_compressed_is_told(archived: Path) -> None:
    shutil.copy(archived / SCORES, archived / f"{PANELS}{packed.SUFFIX}")
    with pytest.raises(BenchError, match=r"panels\.csv\.xz is damaged: restore it"):
        packed.contents(archived / PANELS)
