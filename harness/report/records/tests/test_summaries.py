"""Summaries on disk: numbers come back as they were computed, and one that is older than the records is noticed."""

import pandas as pd
import pytest

from harness.errors import BenchError
from harness.report.records import summaries
from harness.report.records.aggregate import summarise
from harness.report.records.frame import load
from harness.report.records.summaries import read_summary, write_summaries
from harness.report.tests import tree

TASK = "vib_digits"


@pytest.fixture
def written(small):
    """(root, parameters) of a tree whose summary is there."""
    write_summaries(*small)
    return small


def test_what_is_of_a_task_or_method_that_is_gone_is_removed(written):
    root, params = written
    folder, metrics = root / "results/summary", root / "results/metrics"
    for path in (folder / "gone.csv", folder / "gone.json", folder / "notes.txt", metrics / TASK / "gone.json"):
        path.write_text("")
    write_summaries(root, params)
    assert sorted(path.name for path in folder.iterdir()) == ["notes.txt", f"{TASK}.csv"]
    assert sorted(path.name for path in (metrics / TASK).iterdir()) == ["deterministic.json", "vib.json"]


def test_a_summary_is_computed_again_only_for_other_records(written, monkeypatch):
    root, params = written
    before = (root / f"results/summary/{TASK}.csv").read_bytes()
    asked = []
    monkeypatch.setattr(summaries, "summarise", lambda frame: asked.append(frame.name) or summarise(frame))
    write_summaries(root, params)
    assert not asked and (root / f"results/summary/{TASK}.csv").read_bytes() == before
    _scores(root, params)
    write_summaries(root, params)
    assert asked == [TASK] and (root / f"results/summary/{TASK}.csv").read_bytes() != before


def read(root, params):
    return read_summary(root, load(root, params)[TASK])


def test_a_summary_is_read_as_it_was_computed(rendered):
    root, params = rendered
    for task, frame in load(root, params).items():
        computed, found = summarise(frame), read_summary(root, frame)
        numbers = computed.columns[computed.columns.get_loc("n") :].drop("compared_with")
        assert list(found.columns) == list(computed.columns) and len(found) == len(computed), task
        pd.testing.assert_frame_equal(found[numbers], computed[numbers], check_exact=True, check_dtype=False)
        for column in ("task", "cell", "ablation", "metric", "status", "compared_with"):
            assert found[column].fillna("").tolist() == computed[column].fillna("").tolist(), (task, column)


def test_a_cell_may_be_called_none(small):
    """'NA' and 'None' are names like others, and not missing."""
    root, params = small
    records = root / "results/records" / TASK
    (records / "vib").rename(records / "NA")
    tree.edit(root, TASK, "NA", cell="NA", method="NA")
    params = params | {"methods": {TASK: {"deterministic": {}, "NA": {}}}, "ablations": {}}
    write_summaries(root, params)
    assert set(read(root, params).cell) == {"deterministic", "NA"}


def _scores(root, params):
    path = root / "results/records" / TASK / "vib/scores.csv"
    head, row, *rest = path.read_text().splitlines()
    path.write_text("\n".join([head, row.rpartition(",")[0] + ",77", *rest]) + "\n")


def _record(root, params):
    tree.edit(root, TASK, "vib", status={str(seed): "finished" for seed in range(9)} | {"9": "diverged at step 2"})


def _gone(root, params):
    (root / "results/records" / TASK / "vib/record.json").unlink()


def _baseline(root, params):
    params["report"]["baseline"][TASK] = "vib"


def _fewer(root, params):
    params["ablations"] = {}


def _columns(root, params):
    path = root / f"results/summary/{TASK}.csv"
    pd.read_csv(path).drop(columns="source").to_csv(path, index=False)


def _missing(root, params):
    (root / f"results/summary/{TASK}.csv").unlink()


def _empty(root, params):
    (root / f"results/summary/{TASK}.csv").write_text("")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_scores, "is older than the record of vib"),
        (_record, "is older than the record of vib"),
        (_gone, "is older than the record of vib"),
        (_baseline, "is older than the record of deterministic"),
        (_fewer, "does not have the cells of the parameters"),
        (_columns, "was written by another version"),
        (_missing, "is missing"),
        (_empty, "cannot be read"),
    ],
)
def test_a_summary_of_other_records_is_refused_until_it_is_made_again(written, change, said):
    root, params = written
    read(root, params)
    change(root, params)
    with pytest.raises(BenchError) as caught:
        read(root, params)
    message = str(caught.value)
    assert f"results/summary/{TASK}.csv {said}" in message and "\n" not in message
    assert message.endswith(": run `bench evaluate`")
    write_summaries(root, params)
    assert len(read(root, params))
