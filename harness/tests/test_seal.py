"""Each way to damage a record is told, by cell and file in one line, by every command that reads records."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import seal
from harness.cli import main
from harness.errors import BenchError
from harness.plan import needs
from harness.plan.origin import COPIED
from harness.schema import read_head
from harness.store import ARTEFACTS, HEAD, PANELS, PROVENANCE, SCORES, SEAL
from harness.tests import small
from harness.tests.recorded import head, put, reseal

Damage = Callable[[Path], object]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose two cells are trained and summarised."""
    root = tmp_path_factory.mktemp("whole")
    small.write(root)
    for command in (["prepare", "pair"], ["train", "pair", "plain"], ["train", "pair", "wide"], ["evaluate"]):
        assert main(["--root", str(root), *command]) == 0
    clock_apart(root / "results/records/pair/wide")
    return root


def clock_apart(folder: Path) -> None:
    """Let the cell have taken a second longer than any other, so that no two cells have the same provenance.

    Both small cells often take the same hundredth of a second, and to copy the file of one is then no damage.
    """
    provenance = json.loads((folder / PROVENANCE).read_text())
    provenance["scoring_seconds"] += 1.0
    (folder / PROVENANCE).write_text(json.dumps(provenance, indent=1, sort_keys=True))
    reseal(folder)


@pytest.fixture
def project(whole: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    return shutil.copytree(whole, tmp_path / "project", symlinks=True)


def edited(name: str, change: Callable[[bytes], bytes]) -> Damage:
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes()))


def said(*keys: str, value: Any) -> Damage:
    def damage(folder: Path) -> None:
        record = json.loads((folder / HEAD).read_text())
        block = record
        for key in keys[:-1]:
            block = block[key]
        assert keys[-1] in block
        block[keys[-1]] = value
        (folder / HEAD).write_text(json.dumps(record, indent=1, sort_keys=True))

    return damage


def from_the_other(name: str) -> Damage:
    def damage(folder: Path) -> None:
        other = folder.parent / "wide" / name
        assert other.read_bytes() != (folder / name).read_bytes()
        shutil.copy(other, folder / name)

    return damage


def all_of_the_other(folder: Path) -> None:
    for path in (folder.parent / "wide").iterdir():
        shutil.copy(path, folder)


def of_another_preset(folder: Path) -> None:
    """A record that is whole in itself, and not of this project's preset."""
    said("preset", value="far")(folder)
    reseal(folder)


def last(value: bytes) -> Callable[[bytes], bytes]:
    return lambda text: text[: text.rindex(b",") + 1] + value + b"\n"


CHANGED = "was changed since the record was sealed"
DAMAGES: dict[str, tuple[Damage, str]] = {
    "score": (edited(SCORES, last(b"0.123")), f"{SCORES} {CHANGED}"),
    "floor": (said("metrics", "far_gradient_log_d", "floor", value=7.0), f"{HEAD} {CHANGED}"),
    "status": (said("status", "0", value="diverged at step 1"), f"{HEAD} {CHANGED}"),
    "parameter": (said("params", "method", "batch", value=9), f"{HEAD} {CHANGED}"),
    "state hash": (said("state_hashes", "0", value={"1": "0" * 16}), f"{HEAD} {CHANGED}"),
    "NUL bytes": (edited(SCORES, lambda text: text[:90] + bytes(20) + text[110:]), f"{SCORES} {CHANGED}"),
    "BOM": (edited(SCORES, lambda text: b"\xef\xbb\xbf" + text), f"{SCORES} {CHANGED}"),
    "CRLF": (edited(SCORES, lambda text: text.replace(b"\n", b"\r\n")), f"{SCORES} {CHANGED}"),
    "extra column": (edited(SCORES, lambda text: text.replace(b"\n", b",x\n")), f"{SCORES} {CHANGED}"),
    "rows of another cell": (from_the_other(SCORES), f"{SCORES} {CHANGED}"),
    "record of another cell": (from_the_other(HEAD), f"{HEAD} {CHANGED}"),
    "folder of another cell": (all_of_the_other, f"{HEAD} belongs to pair/wide"),
    "another preset": (of_another_preset, "of preset far"),
    "curves": (edited("curves.csv", last(b"1")), f"curves.csv {CHANGED}"),
    "panels gone": (lambda folder: (folder / PANELS).unlink(), f"{PANELS} is missing"),
    "scores gone": (lambda folder: (folder / SCORES).unlink(), f"{SCORES} is missing"),
    "a picture more": (lambda folder: (folder / "sheet.png").write_bytes(b""), "sheet.png is not one of the files"),
    "provenance": (edited(PROVENANCE, lambda text: text.replace(b'"threads": 1', b'"threads": 2')), PROVENANCE),
    "provenance of another": (from_the_other(PROVENANCE), f"{PROVENANCE} {CHANGED}"),
    "seal gone": (lambda folder: (folder / SEAL).unlink(), f"{SEAL} is missing"),
    "seal empty": (lambda folder: (folder / SEAL).write_bytes(b""), f"{SEAL} is damaged"),
    "seal of another": (from_the_other(SEAL), CHANGED),
    "seal cut": (edited(SEAL, lambda text: text[:100]), f"{SEAL} is damaged"),
    "seal not text": (lambda folder: (folder / SEAL).write_bytes(bytes(range(256))), f"{SEAL} is damaged"),
    "half a record": (edited(HEAD, lambda text: text[:500]), f"{HEAD} {CHANGED}"),
    "empty record": (edited(HEAD, lambda text: b""), f"{HEAD} {CHANGED}"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_told_by_all_that_read_records(
    project: Path, damage: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    change, line = DAMAGES[damage]
    folder = project / "results/records/pair/plain"
    change(folder)

    def run(*argv: object) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main(["--root", str(project), *map(str, argv)])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return status, captured.out, captured.err

    status, out, _ = run("list")
    (told,) = [row for row in out.splitlines() if row.startswith("  plain ")]
    assert "up to date" not in told and line in told and (status == 1 or damage == "another preset")
    if damage == "another preset":  # a whole record, so it may be brought to its own archive
        return
    empty = tmp_path / "empty"
    for command in (["compare", "plain", "wide"], ["verify", "laptop", "pair", "plain"]):
        status, _, error = run(*command)
        assert status == 2 and error.count("\n") == 1 and "pair/plain: " in error and line in error, command
    assert main(["--root", str(empty), "merge", str(project)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "pair/plain: " in error and line in error and not empty.exists()


@pytest.mark.parametrize("name", [HEAD, SCORES, PROVENANCE, SEAL])
def test_a_pipe_in_the_place_of_a_file_is_told_and_not_waited_for(
    project: Path, name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = project / "results/records/pair/plain" / name
    path.unlink()
    os.mkfifo(path)
    line = f"{SEAL} is missing" if name == SEAL else "cannot be read (not a regular file)"
    assert main(["--root", str(project), "list"]) == 1 and line in capsys.readouterr().out
    assert main(["--root", str(project), "compare", "plain", "wide"]) == 2
    assert (line if name != HEAD else "no task has a record of plain") in capsys.readouterr().err
    assert main(["--root", str(tmp_path / "empty"), "merge", str(project)]) == 2
    assert "is a link or not a file" in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["score", "another preset", "half a record", "scores gone"])
def test_the_page_comes_without_the_cell(project: Path, damage: str, capsys: pytest.CaptureFixture[str]) -> None:
    change, line = DAMAGES[damage]
    line = "must be of preset laptop, got far" if damage == "another preset" else line
    change(project / "results/records/pair/plain")
    assert main(["--root", str(project), "report", "--out", str(project / "build/out")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("cell pair/plain is left out: pair/plain: ") and line in error and error.count("\n") == 1
    page = (project / "build/out/index.md").read_text()
    assert "**unreadable: pair/plain: " in page and "| cell pair/plain | pair/plain: " in page


def test_a_lost_record_costs_its_row_and_not_the_page(project: Path) -> None:
    (project / "results/records/pair/plain" / HEAD).unlink()
    assert main(["--root", str(project), "report", "--out", str(project / "build/out")]) == 0
    page = (project / "build/out/index.md").read_text()
    (row, *_) = (line for line in page.splitlines() if line.startswith("| [plain") and "bench train pair plain" in line)
    assert "**not run**" in row


def test_a_preset_that_does_not_compose_fails_the_page_and_not_the_run_of_another(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "presets").mkdir()
    (project / "presets/late.yaml").write_text("keep: [piar]\n")
    for copied, status in ((False, 1), (True, 0)):
        if copied:
            (project / COPIED).write_bytes(b"")
        assert main(["--root", str(project), "report", "--out", str(project / "build/out")]) == status
        error = capsys.readouterr().err
        assert error.startswith("preset late is left out: presets/late.yaml: ") and error.count("\n") == 1
        assert "| preset late | presets/late.yaml: " in (project / "build/out/index.md").read_text()


def test_a_broken_archive_is_neither_listed_as_whole_nor_unpacked(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = project / "results/archive/laptop"
    shutil.copytree(project / "results/records", archive)
    DAMAGES["score"][0](archive / "pair/plain")
    assert main(["--root", str(project), "list"]) == 1
    assert f"  laptop/pair/plain  unreadable: pair/plain: {SCORES} {CHANGED}" in capsys.readouterr().out
    assert main(["--root", str(project), "unpack", "laptop", str(tmp_path / "copy")]) == 2
    error = capsys.readouterr().err
    assert f"pair/plain: {SCORES} {CHANGED}" in error and "bench preset laptop" in error and error.count("\n") == 1


def test_an_import_is_not_held_against_a_broken_record(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(project), "import", "--skeleton", "pair"]) == 0
    (project / "m.yaml").write_text(capsys.readouterr().out)
    (project / "s.csv").write_text("task,method,seed,step,metric,value\npair,peer,0,9,far_gradient_log_d,1.0\n")
    DAMAGES["score"][0](project / "results/records/pair/plain")
    files = [str(project / name) for name in ("s.csv", "m.yaml")]
    assert main(["--root", str(project), "import", *files, "--name", "peer"]) == 2
    assert f"pair/plain: {SCORES} {CHANGED}" in capsys.readouterr().err


def test_an_expert_that_was_changed_teaches_nobody(tmp_path: Path) -> None:
    folder = tmp_path / "results/records/expert/ppo"
    files = {HEAD: b"{}", ARTEFACTS: b"episodes"}
    seal.write(folder, files)
    assert needs.path(tmp_path, "expert/ppo").read_bytes() == b"episodes"
    (folder / ARTEFACTS).write_bytes(b"episodEs")
    with pytest.raises(BenchError, match=f"^expert/ppo: {ARTEFACTS} {CHANGED}.*run `bench train expert ppo`$"):
        needs.path(tmp_path, "expert/ppo")


def test_the_seal_is_read_by_sha256sum_and_leaves_records_as_they_are(tmp_path: Path) -> None:
    folder = tmp_path / "t/c"
    put(folder, head("t", "c"), scores=b"x\n")
    names = subprocess.run(["sha256sum", "-c", SEAL], cwd=folder, check=True, capture_output=True, text=True).stdout
    assert names == f"{HEAD}: OK\n{SCORES}: OK\n"
    (folder / "notes.txt").write_text("mine")  # nobody reads it as part of the record
    assert read_head(folder) == head("t", "c")


def test_a_record_is_hashed_once_in_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "t/c"
    put(folder, head("t", "c"), scores=b"x\n")
    read_head(folder)
    monkeypatch.setattr(seal, "_digest", lambda content: pytest.fail("read again"))
    read_head(folder)
