"""A record of each schema ever written is read alike by all that read records; a broken one is told in one line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from harness.errors import BenchError
from harness.report.records.frame import load
from harness.report.records.pairs import pairs
from harness.schema import SCHEMA, Ablated, content, read_head, read_provenance, read_verified
from harness.store import CURVES, HEAD, PROVENANCE, SCORES, archive_folder, cell_folder
from harness.tests.recorded import head, reseal
from harness.tests.recorded import put as write
from harness.workspace.merge import merge
from harness.workspace.pack import pack

ROOT = Path(__file__).resolve().parents[2]
OLD = Path(__file__).parent / "schema_1/vib_fashion/deterministic"  # as it was written under schema 1
PARAMS = {
    "preset": "fashion",
    "protocol": 1,
    "tasks": {"vib_fashion": {"family": "labelled", "seeds": [0, 1, 2, 3, 4], "steps": 60000}},
    "methods": {"vib_fashion": {"deterministic": {}, "again": {}}},
    "report": {"baseline": {"vib_fashion": "deterministic"}},
}


def place(root: Path, cell: str) -> Path:
    return cell_folder(root, "vib_fashion", cell)


def project(root: Path) -> Path:
    """A tree with the old record, and the same one as the present writer would write it, as the cell `again`."""
    shutil.copytree(OLD, place(root, "deterministic"))
    shutil.copytree(OLD, place(root, "again"))
    now = read_head(OLD).model_copy(update={"cell": "again"})
    again = place(root, "again")
    rows = {path.stem: path.read_bytes() for path in again.glob("*.csv")}
    rows["scores"] = rows["scores"].replace(b",deterministic,", b",again,")
    write(again, now, **rows)
    (root / "params.yaml").write_text(json.dumps(PARAMS))
    return root


def numbers(root: Path) -> list[int]:
    return [json.loads((place(root, cell) / HEAD).read_text())["schema"] for cell in ("deterministic", "again")]


def test_an_old_record_says_what_it_said(tmp_path: Path) -> None:
    said = json.loads((OLD / HEAD).read_text())
    assert said["schema"] == 1 and {block.pop("unit") for block in said["metrics"].values()} == {""}
    assert content(read_head(OLD)) == said | {"schema": SCHEMA}
    assert read_provenance(OLD).environment.commit == "9b56343783f68d211d4f4da289c779de268e70fc"
    assert read_verified(OLD).agrees in (True, False)


def test_every_record_of_the_repository_can_be_read() -> None:
    folders = [path.parent for path in (ROOT / "results").glob("*/**/record.json")]
    assert len(folders) > 100
    for folder in folders:
        found = read_head(folder)
        assert (found.task, found.cell) == (folder.parent.name, folder.name)
        assert read_provenance(folder).scoring_seconds > 0


def test_the_report_takes_both_ages_into_one_table(tmp_path: Path) -> None:
    root = project(tmp_path)
    assert numbers(root) == [1, SCHEMA]
    frame = load(root, PARAMS)["vib_fashion"]
    assert [cell.status for cell in frame.cells] == ["finished", "finished"]
    old, new = frame.cells
    assert old.record == new.record | {"cell": "deterministic"}
    ((_, pair),) = pairs(root, "again", "deterministic")
    assert pair.headline == "error_12_codes"


def test_merge_and_pack_take_both_ages_and_leave_them_as_they_are(tmp_path: Path) -> None:
    copy, root = project(tmp_path / "copy"), tmp_path / "root"
    assert pack(root, copy) == []
    archive = archive_folder(root, "fashion") / "vib_fashion"
    for cell in ("deterministic", "again"):
        assert (archive / cell / HEAD).read_bytes() == (place(copy, cell) / HEAD).read_bytes()
    write(place(copy, "deterministic"), read_head(OLD), scores=(OLD / SCORES).read_bytes())
    assert merge(root, copy) == ([], [archive / "again", archive / "deterministic"])
    moved = read_head(OLD).model_copy(update={"data_hash": "0" * 16})
    write(place(copy, "deterministic"), moved, scores=(OLD / SCORES).read_bytes())
    with pytest.raises(BenchError, match="deterministic/record.json differs"):
        merge(root, copy)


def test_merge_names_the_copy_whose_record_is_broken(tmp_path: Path) -> None:
    copy = project(tmp_path / "copy")
    (place(copy, "again") / HEAD).write_text("{}")
    reseal(place(copy, "again"))
    with pytest.raises(BenchError, match=rf"^{copy}/results/records: vib_fashion/again: record.json has no schema"):
        merge(tmp_path / "root", copy)


def put(place: tuple[str, ...], value: Any) -> Any:
    def change(said: dict[str, Any]) -> Any:
        block = said
        for key in place[:-1]:
            block = block[key]
        block[place[-1]] = value
        return said

    return change


def nested(levels: int) -> Any:
    return {"a": nested(levels - 1)} if levels else 1


def drop(*place: str) -> Any:
    def change(said: dict[str, Any]) -> Any:
        block = said
        for key in place[:-1]:
            block = block[key]
        del block[place[-1]]
        return said

    return change


@pytest.mark.parametrize("age", [1, 2, SCHEMA])
@pytest.mark.parametrize(
    ("change", "line"),
    [
        (put(("tyer",), 1), "record.json has an unknown key tyer"),
        (put(("metrics", "error", "flor"), 1), "record.json has an unknown key metrics.error.flor"),
        (drop("seeds"), "record.json has no seeds"),
        (drop("metrics", "error", "floor"), "record.json has no metrics.error.floor"),
        (put(("steps",), "ten"), "record.json has an invalid steps: must be a valid integer, got 'ten'"),
        (put(("steps",), 10.5), "record.json has an invalid steps: "),
        (put(("seeds",), [0, "1"]), "record.json has an invalid seeds.1: must be a valid integer, got '1'"),
        (put(("metrics",), [1]), "record.json has an invalid metrics: "),
        (put(("metrics", "error", "floor"), None), "record.json has an invalid metrics.error.floor: "),
        (put(("status",), {"zero": "finished"}), "record.json has an invalid status.zero"),
        (put(("tier",), "exact"), "record.json has an invalid tier: must be 'bit-exact', "),
        (put(("ablation",), {"name": "a", "key": "k", "of": "m", "value": None}), "has an invalid ablation.value: "),
        (put(("schema",), 4), "has schema 4, but this code reads 1 to 3"),
        (put(("schema",), True), "has schema True, but this code reads 1 to 3"),
        (lambda said: [said], "record.json cannot be read (it is not a mapping)"),
        (put(("params", "method"), nested(500)), "record.json has too many levels of nested blocks"),
    ],
)
def test_a_broken_record_is_told_in_one_line(tmp_path: Path, change: Any, line: str, age: int) -> None:
    said = content(head("t", "c")) | {"schema": age}
    if age == 1:
        said["metrics"]["error"]["unit"] = ""
    folder = tmp_path / "t/c"
    folder.mkdir(parents=True)
    (folder / HEAD).write_text(json.dumps(said))
    reseal(folder)
    assert read_head(folder) == head("t", "c")
    (folder / HEAD).write_text(json.dumps(change(said)))
    reseal(folder)
    with pytest.raises(BenchError) as caught:
        read_head(folder)
    told = str(caught.value)
    assert told.startswith("t/c") and line in told and told.endswith("; run `bench train t c`") and "\n" not in told


def test_a_record_nested_beyond_what_python_reads_is_told_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "t/c"
    folder.mkdir(parents=True)
    (folder / HEAD).write_text('{"a":' * 100_000 + "1" + "}" * 100_000)
    with pytest.raises(BenchError, match="^t/c: record.json has too many levels of nested blocks; run `bench"):
        read_head(folder)


def test_a_unit_is_of_schema_1_alone(tmp_path: Path) -> None:
    (tmp_path / "t/c").mkdir(parents=True)
    (tmp_path / "t/c" / HEAD).write_text(json.dumps(put(("metrics", "error", "unit"), "")(content(head("t", "c")))))
    with pytest.raises(BenchError, match="unknown key metrics.error.unit"):
        read_head(tmp_path / "t/c")


@pytest.mark.parametrize("value", [64, 64.0, 1e-5, True, "hinge", "64"])
def test_an_ablated_value_keeps_its_kind(tmp_path: Path, value: Any) -> None:
    made = head("t", "c", ablation=Ablated(name="a", key="k", value=value, of="m"))
    write(tmp_path / "t/c", made)
    found = read_head(tmp_path / "t/c").ablation
    assert found is not None and (found.value, type(found.value)) == (value, type(value))


@pytest.mark.parametrize(
    ("file", "old", "new", "line"),
    [
        (SCORES, "task,method,seed", "task,method,seeds", "scores.csv has no column seed"),
        (SCORES, "value\n", "value,more\n", "scores.csv has an unknown column more"),
        (SCORES, ",0,", ",zero,", "column seed of scores.csv has a value of the wrong type"),
        (CURVES, "\n0,", "\nx,", "column seed of curves.csv has a value of the wrong type"),
    ],
)
def test_a_broken_table_is_told_in_one_line(tmp_path: Path, file: str, old: str, new: str, line: str) -> None:
    root = project(tmp_path)
    path = place(root, "again") / file
    path.write_text(path.read_text().replace(old, new, 1))
    reseal(path.parent)
    cell = load(root, PARAMS)["vib_fashion"].cell("again")
    assert cell is not None and cell.record is None
    told = cell.fault
    assert told.startswith("vib_fashion/again: ") and line in told
    assert told.endswith("; run `bench train vib_fashion again`")


def test_broken_provenance_of_an_archived_record_is_told(tmp_path: Path) -> None:
    folder = archive_folder(tmp_path, "fashion") / "vib_fashion/deterministic"
    shutil.copytree(OLD, folder)
    (folder / PROVENANCE).write_text("[]")
    cell = load(tmp_path, PARAMS)["vib_fashion"].cell("deterministic")
    assert cell is not None and cell.fault.startswith("vib_fashion/deterministic: provenance.json cannot be read (")
