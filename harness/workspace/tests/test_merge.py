"""What comes from another copy: plain files of records, all of a cell's or none."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from harness.errors import BenchError
from harness.run.record import to_npz
from harness.seal import check, has_seal
from harness.store import ARTEFACTS
from harness.tests.recorded import head, put, reseal
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


def test_learnt_rewards_that_no_task_takes_stay_behind(source: Path, tmp_path: Path) -> None:
    weights = {"reward/head.weight": np.ones((2, 3), np.float32)}
    episodes = {"demonstrations/actions": np.ones((1, 2), np.float32)}
    for task, arrays in {"task": weights, "taken": weights, "expert": episodes | weights}.items():
        folder = source / "results/records" / task / "net"
        put(folder, head(task, "net", preset="far"), scores=b"net")
        (folder / ARTEFACTS).write_bytes(to_npz(arrays))
        reseal(folder)
    (source / "params.yaml").write_text("tasks:\n  flipped: {rewards: taken}\n  task: {}\n")
    merge(tmp_path / "root", source)
    archive = tmp_path / "root/results/archive/far"
    assert {path.parents[1].name for path in archive.rglob(ARTEFACTS)} == {"taken", "expert"}
    for cell in archive.glob("*/net"):
        assert has_seal(cell)
        check(cell)
    assert merge(tmp_path / "root", source)[0] == [], "the smaller record is that of the same cell"


def test_a_damaged_record_is_not_sealed_anew(source: Path, tmp_path: Path) -> None:
    folder = source / "results/records/task/one"
    (folder / ARTEFACTS).write_bytes(to_npz({"reward/head.weight": np.ones(3, np.float32)}))
    reseal(folder)
    (folder / "scores.csv").write_text("better")
    (source / "params.yaml").write_text("tasks: {}\n")
    with pytest.raises(BenchError, match="task/one: scores.csv was changed since the record was sealed"):
        merge(tmp_path / "root", source)


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
