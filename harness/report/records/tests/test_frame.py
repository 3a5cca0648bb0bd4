"""What is read from where, and every refusal with its line."""

import json
import shutil

import pandas as pd
import pytest

from harness.errors import BenchError
from harness.ranges import span
from harness.report.records import checks
from harness.report.records import frame as frames
from harness.report.records.aggregate import summarise
from harness.report.records.frame import CellFrame, demand, load
from harness.report.tests import tree
from harness.store import CURVES

TASK = "vib_digits"


def refusal(root, params) -> str:
    with pytest.raises(BenchError) as caught:
        demand(load(root, params).values())
    line = str(caught.value)
    assert "\n" not in line and TASK in line
    return line


def test_cells_come_from_the_parameters_not_from_the_disk(small):
    root, params = small
    del params["methods"][TASK]["vib"]
    params["ablations"] = {}
    params["methods"][TASK]["other"] = {}
    frame = load(root, params)[TASK]
    assert [cell.name for cell in frame.cells] == ["deterministic", "other"]
    other = frame.cell("other")
    assert (other.status, other.command) == ("not run", f"bench train {TASK} other")


def test_endpoint_is_the_last_step_in_the_order_of_the_seeds(small):
    root, params = small
    cell = load(root, params)[TASK].cell("vib")
    rows = cell.scores[(cell.scores.metric == "kl") & (cell.scores.step == 2000)]
    shuffled = cell.scores.sample(frac=1, random_state=0)
    shuffled.to_csv(cell.folder / "scores.csv", index=False)
    again = load(root, params)[TASK].cell("vib")
    assert list(again.endpoint("kl")) == list(rows.sort_values("seed").value)


def test_logs_are_read_once_for_each_content_and_damage_is_found_each_time(small, monkeypatch):
    root, params = small
    read = frames._read_csv
    names = []
    monkeypatch.setattr(
        frames, "_read_csv", lambda cell, name, *rest, **more: names.append(name) or read(cell, name, *rest, **more)
    )
    load(root, params)
    assert CURVES in names
    names.clear()
    load(root, params)
    assert not names
    curves = root / "results/records" / TASK / "vib" / CURVES
    curves.write_text(curves.read_text().replace(",", ",x", 1))
    for _ in range(2):
        assert "run `bench train" in refusal(root, params)


@pytest.mark.parametrize("text", ["seed,step\n", "\n"])  # as it is written now, and as it was
def test_a_cell_that_logged_no_step_has_no_curves(small, text):
    root, params = small
    (root / "results/records" / TASK / "vib/curves.csv").write_text(text)
    cell = load(root, params)[TASK].cell("vib")
    assert (cell.fault, cell.curves) == ("", None)


def test_archived_records_serve_where_no_live_one_does(small):
    root, params = small
    source = root / "results/records" / TASK / "vib"
    archive = root / "results/archive/laptop" / TASK / "vib"
    shutil.copytree(source, archive)
    assert load(root, params)[TASK].cell("vib").folder == source
    shutil.rmtree(source)
    cell = load(root, params)[TASK].cell("vib")
    assert (cell.folder, cell.commit) == (archive, "c" * 10)


def test_a_record_of_another_preset_is_not_this_reports(small):
    root, params = small
    tree.edit(root, TASK, "vib", preset="smoke")
    assert "vib: record.json must be of preset laptop, got smoke" in refusal(root, params)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data_hash": "9" * 16}, "data of vib (9999999999999999) and of deterministic"),
        ({"protocol": 2}, "has protocol 2, but this report needs protocol 1"),
        ({"schema": 0}, "has schema 0, but this code reads 1 to 3"),
        ({"steps": 7}, "steps of vib (7) and of deterministic (2000) differ"),
        ({"seeds": [0, 1, 2, 77]}, "seeds of vib (0,1,2,77) and of deterministic (0-9) differ"),
        ({"cell": "gan"}, "record.json belongs to vib_digits/gan"),
    ],
)
def test_what_must_not_be_mixed_is_refused(small, changes, words):
    root, params = small
    tree.edit(root, TASK, "vib", **changes)
    line = refusal(root, params)
    assert words in line and line.endswith(f"run `bench train {TASK} vib`")


def test_a_stale_first_cell_hides_no_good_one(small):
    root, params = small
    tree.edit(root, TASK, "deterministic", steps=7)
    line = refusal(root, params)
    assert "steps of deterministic (7) and of vib (2000) differ" in line
    assert line.endswith(f"run `bench train {TASK} deterministic`")
    cells = [CellFrame("t", n, n, n, record={"seeds": seeds}) for n, seeds in zip("abc", ([3, 9], [0, 1], [0, 1, 2]))]
    assert [name for name, _ in checks._nested(cells)] == ["b", "c"], "of three that differ, the first counts"
    cells[2].record["seeds"] = [0, 1]
    assert [name for name, _ in checks._nested(cells)] == ["a"]


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("manifest", "ffff0000", "the manifest of kl of vib (ffff0000)"),
        ("higher_is_better", True, "the direction of kl of vib (up)"),
    ],
)
def test_a_column_has_one_manifest_and_one_direction(small, key, value, words):
    root, params = small
    path = root / "results/records" / TASK / "vib/record.json"
    record = json.loads(path.read_text())
    record["metrics"]["kl"][key] = value
    path.write_text(json.dumps(record))
    assert words in refusal(root, params)


def test_reference_values_agree_up_to_the_last_digits(small):
    root, params = small
    tree.edit(root, TASK, "deterministic", references={"kl": {"floor": 1.7}})
    tree.edit(root, TASK, "vib", references={"kl": {"floor": 1.7001}})
    assert load(root, params)[TASK].references("kl") == {"floor": 1.7}
    tree.edit(root, TASK, "vib", references={"kl": {"floor": 1.8}})
    assert "floor of kl is 1.8 in vib and 1.7 in the cells before it" in refusal(root, params)


def test_one_manifest_name_with_two_contents_is_refused(small):
    root, params = small
    for cell, count in (("deterministic", 597), ("vib", 598)):
        path = root / "results/records" / TASK / cell / "record.json"
        record = json.loads(path.read_text())
        record["metrics"]["kl"]["manifest"] = "a1b2c3d4"
        record["manifests"] = {"a1b2c3d4": {"n_real": count}}
        path.write_text(json.dumps(record))
    params["ablations"] = {}
    assert "the manifest of kl" in refusal(root, params)


def test_an_ablation_needs_its_seeds_in_the_reference(small):
    root, params = small
    for value in tree.BETAS[:3]:
        tree.edit(root, TASK, f"vib-beta-{float(value)}", seeds=[7, 8, 9, 10, 11])
    assert "has seeds 7-11, some of which deterministic (0-9) lacks" in refusal(root, params)


def test_broken_files_are_named(small):
    root, params = small
    folder = root / "results/records" / TASK / "vib"
    (folder / "record.json").write_text("{")
    assert "record.json cannot be read" in refusal(root, params)
    (folder / "record.json").write_text('{"preset": "laptop"}')
    assert "record.json has no schema, protocol" in refusal(root, params)


def test_missing_and_doubled_scores_are_named(small):
    root, params = small
    cell = load(root, params)[TASK].cell("vib")
    lacking = cell.scores[cell.scores.seed != 4]
    doubled = pd.concat([cell.scores, cell.scores.tail(1)])
    for rows in (lacking, doubled):
        rows.to_csv(cell.folder / "scores.csv", index=False)
        assert "must have exactly one finite score at step 2000 for each of the seeds" in refusal(root, params)
    (cell.folder / "scores.csv").unlink()
    assert "scores.csv is missing; run `bench train" in refusal(root, params)


def test_an_unknown_baseline_names_the_methods(small):
    root, params = small
    params["report"]["baseline"][TASK] = "gan"
    assert "must be one of deterministic, vib, got 'gan'" in refusal(root, params)


def test_names():
    assert span([3, 1, 2]) == "1-3"
    assert span([0, 2]) == "0,2"


def test_a_cell_with_more_seeds_than_another_is_compared_on_those_that_both_have(small):
    root, params = small
    folder = root / "results/records" / TASK / "vib"
    rows = pd.read_csv(folder / "scores.csv")
    rows[rows.seed < 4].to_csv(folder / "scores.csv", index=False)
    tree.edit(root, TASK, "vib", seeds=[0, 1, 2, 3])
    params["ablations"] = {}
    frame = load(root, params)[TASK]
    few, many = frame.cell("vib"), frame.cell("deterministic")
    assert (few.n, many.n, few.fault, many.fault) == (4, 10, "", "")
    own, theirs = few.paired(many, "error_12_codes")
    assert list(own) == list(few.endpoint("error_12_codes"))
    assert list(theirs) == list(many.endpoint("error_12_codes")[:4])
    assert [len(part) for part in many.paired(few, "error_12_codes")] == [4, 4]
    row = summarise(frame).set_index(["cell", "metric"]).loc[("vib", "error_12_codes")]
    assert (row.n, row.pairs, row.compared_with) == (4, 4, "deterministic")


def test_the_names_of_the_logs_are_those_of_the_table(small):
    """Read from the first line alone or from the whole table, and none where there are no logs."""
    root, params = small
    load(root, params)  # which looks at every table once
    found = [cell for frame in load(root, params).values() for cell in frame.everything]
    names = [cell.logged for cell in found]
    assert any(names) and not any("curves" in cell.__dict__ for cell in found), "no table is read for them"
    assert names == [set() if cell.curves is None else {*cell.curves} for cell in found]
    for cell in (again := [cell for frame in load(root, params).values() for cell in frame.everything]):
        _ = cell.curves
    assert names == [cell.logged for cell in again], "nor from a table that is there already do other names come"
