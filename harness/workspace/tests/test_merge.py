"""What comes from another copy: plain files of records, all of a cell's or none."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from harness.errors import BenchError
from harness.tests.recorded import head, put
from harness.workspace.merge import merge


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy with the records of two cells."""
    for cell in ("one", "two"):
        folder = tmp_path / "source/results/records/task" / cell
        put(folder, head("task", cell, preset="far"), scores=cell.encode())
        (folder / ".scores.csv.aside").write_text("of a killed write")
    return tmp_path / "source"


def held(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if not path.is_dir())


def test_a_record_comes_with_its_files_and_nothing_else(source: Path, tmp_path: Path) -> None:
    merge(tmp_path / "root", source)
    assert held(tmp_path / "root") == [
        f"results/archive/far/task/{cell}/{name}"
        for cell in ("one", "two")
        for name in ("SHA256SUMS", "record.json", "scores.csv")
    ]


@pytest.mark.parametrize(
    "where", ["results/records/task/two/notes", "results/records/task/two", "results/records/task"]
)
def test_a_link_is_named_and_nothing_comes(source: Path, tmp_path: Path, where: str) -> None:
    link = source / where
    if link.exists():
        link.rename(tmp_path / "elsewhere")
        link.symlink_to(tmp_path / "elsewhere")
    else:
        link.symlink_to("/etc/passwd")
    with pytest.raises(BenchError, match=f"{where} is a link or not a file: a record contains only plain files"):
        merge(tmp_path / "root", source)
    assert not held(tmp_path / "root")


def test_a_pipe_is_named(source: Path, tmp_path: Path) -> None:
    os.mkfifo(source / "results/records/task/two/curves.csv")
    with pytest.raises(BenchError, match="curves.csv is a link or not a file"):
        merge(tmp_path / "root", source)


def test_a_full_disk_leaves_no_part_of_a_record(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = os.replace

    def full(old: str, new: str) -> None:
        if Path(new).name == "scores.csv":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(old, new)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(BenchError, match="cannot write .*scores.csv: the disk is full: free some space and run again"):
        merge(tmp_path / "root", source)
    assert not held(tmp_path / "root")
    monkeypatch.undo()
    assert len(merge(tmp_path / "root", source)[0]) == 2
