"""Runs made elsewhere: what fits stands in its table, unpaired; what does not fit is refused with one line each."""

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML
from scipy import stats

from harness.errors import BenchError
from harness.report.records import external
from harness.report.records.frame import load
from harness.report.tables.external import table
from harness.report.tables.formats import words
from harness.report.tests import tree

METRIC = "frechet_digits-cnn"


@pytest.fixture(scope="module")
def frame(tmp_path_factory):
    root = tmp_path_factory.mktemp("tree")
    tree.build(root)
    return load(root, tree.params())["digits8"]


def scores(values, **words):
    rows = [
        {"task": "digits8", "method": "peer", "seed": seed, "step": 9, "metric": METRIC, "value": v}
        for seed, v in enumerate(values)
    ]
    return pd.DataFrame(rows).assign(**words)


def put(folder, rows, manifest):
    folder.mkdir(parents=True, exist_ok=True)
    rows.to_csv(folder / external.SCORES, index=False)
    YAML().dump(manifest, folder / external.MANIFEST)
    return folder


def test_the_skeleton_fits_and_the_numbers_are_those_of_welch_and_the_rank_sum(frame, tmp_path):
    values = [700.0, 720.0, 690.0, 750.0, 705.0, 699.0]
    found = external.read(put(tmp_path / "peer", scores(values), external.skeleton(frame)), "peer")
    made = table(frame, [found])
    ours = frame.cell("gan").units(METRIC).to_numpy()
    row = [words(cell) for cell in made.rows[0]]
    welch = stats.ttest_ind(values, ours, equal_var=False)
    assert row[0] == "peer (peer)" and row[3] == "6"
    assert row[1].startswith("706 [") and np.mean(sorted(values)[1:5]) == pytest.approx(706.0)
    assert row[4].startswith(f"{np.mean(values) - ours.mean():.0f}".replace("-", "−"))
    ps = [made.rows[0][place].value for place in (5, 6)]
    assert ps == pytest.approx([welch.pvalue, stats.mannwhitneyu(values, ours).pvalue])
    assert table(frame, []) is None


def test_rows_that_are_there_twice_with_one_value_count_once(frame, tmp_path):
    rows = scores([1.0, 2.0])
    found = external.read(put(tmp_path / "p", pd.concat([rows, rows]), external.skeleton(frame)), "p")
    assert len(found.scores) == 2


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            pd.concat([scores([1.0, 2.0]), scores([1.0, 2.5])]),
            "digits8/peer, seed 1, step 9: frechet_digits-cnn occurs twice with different values",
        ),
        (scores([1.0, np.nan]), "line 3: value must be a finite number (the floor score for a failed run), got ''"),
        (scores([1.0, 2.0], step=[9, 8]), "ends at step 9 for seed 0 and at 8 for seed 1"),
        (scores([1.0]).drop(columns="seed"), "column seed is missing"),
        (scores([1.0], task="digits9"), "tasks.digits9 is missing"),
        (scores([1.0], metric="fid"), "tasks.digits8.metrics.fid is missing"),
        (scores([]).reindex(columns=["task", "method", "seed", "step", "metric", "value"]), "has no rows"),
    ],
)
def test_wrong_scores_are_refused(frame, tmp_path, rows, said):
    folder = put(tmp_path / "p", rows, external.skeleton(frame))
    with pytest.raises(BenchError) as caught:
        external.read(folder, "p")
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_scores_without_the_headline_are_refused(frame, tmp_path):
    other = next(metric for metric in external.skeleton(frame)["tasks"]["digits8"]["metrics"] if metric != METRIC)
    folder = put(tmp_path / "p", scores([1.0, 2.0], metric=other), external.skeleton(frame))
    with pytest.raises(BenchError, match=f"there are no scores of {METRIC}, by which the task is judged"):
        external.check(external.read(folder, "p"), frame)


def _without(key):
    return lambda m: m.pop(key)


def _task(**words):
    return lambda m: m["tasks"]["digits8"].update(words)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_without("source"), "the keys are source, tasks and"),
        (_task(data_hash="other"), ", got other; scores on other data are not comparable"),
        (
            lambda m: m["tasks"]["digits8"]["metrics"][METRIC].update(encoder="inception"),
            "was measured with encoder inception, but ours with",
        ),
        (
            lambda m: m["tasks"]["digits8"]["metrics"].update(fid={}),
            "the task has no metric fid; it has frechet_digits-cnn",
        ),
    ],
)
def test_another_quantity_does_not_stand_beside_ours(frame, tmp_path, change, said):
    manifest = external.skeleton(frame)
    change(manifest)
    folder = put(tmp_path / "p", scores([1.0, 2.0]), manifest)
    with pytest.raises(BenchError) as caught:
        external.check(external.read(folder, "p"), frame)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def lines(*rows):
    return "task,method,seed,step,metric,value\n" + "".join(f"{row}\n" for row in rows)


def read_text(frame, folder, text):
    put(folder, scores([1.0]), external.skeleton(frame))
    (folder / external.SCORES).write_text(text, encoding="utf-8")
    return external.read(folder, "p")


@pytest.mark.parametrize("name", ["None", "NA", "null", "nan", "N/A", "1", "true"])
def test_a_method_is_called_what_stands_in_the_file(frame, tmp_path, name):
    found = read_text(
        frame, tmp_path / "p", lines(*(f"digits8,{name},{seed},9,{METRIC},{seed}.5" for seed in range(4)))
    )
    assert set(found.scores.method) == {name} and found.scores.value.tolist() == [0.5, 1.5, 2.5, 3.5]
    assert [row[0].text for row in table(frame, [found]).rows] == [f"{name} (p)"]


def test_whole_numbers_may_have_a_point(frame, tmp_path):
    found = read_text(
        frame, tmp_path / "p", lines(f"digits8,peer,0.0,3000.0,{METRIC},1", f"digits8,peer,1,3000,{METRIC},2")
    )
    assert (found.scores.seed.tolist(), found.scores.step.tolist()) == ([0, 1], [3000, 3000])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("digits8,peer,0.5,9,M,1", "line 3: seed must be a non-negative integer, got '0.5'"),
        ("digits8,peer,-1,9,M,1", "line 3: seed must be a non-negative integer, got '-1'"),
        ("digits8,peer,True,9,M,1", "line 3: seed must be a non-negative integer, got 'True'"),
        ("digits8,peer,1,3000.7,M,1", "line 3: step must be a non-negative integer, got '3000.7'"),
        ("digits8,peer,1,,M,1", "line 3: step must be a non-negative integer, got ''"),
        ("digits8,peer ,1,9,M,1", "line 3: method must be a name without spaces around it, got 'peer '"),
        ("digits8, peer,1,9,M,1", "line 3: method must be a name without spaces around it, got ' peer'"),
        ("digits8,,1,9,M,1", "line 3: method must be a name without spaces around it, got ''"),
        ('digits8,"pe\ner",1,9,M,1', "line 4: method must be a name without spaces around it, got 'pe\\ner'"),
        (
            "digits8,peer,1,9,M,inf",
            "line 3: value must be a finite number (the floor score for a failed run), got 'inf'",
        ),
        (
            "digits8,peer,1,9,M,1_0",
            "line 3: value must be a finite number (the floor score for a failed run), got '1_0'",
        ),
        ("digits8,peer,1,9,M", "line 3: must have 6 values, one for each column, got 5"),
        ("digits8,peer,1,9,M,1,2", "line 3: must have 6 values, one for each column, got 7"),
        (
            "digits8,peer,0,9,M,2",
            "line 3: digits8/peer, seed 0, step 9: frechet_digits-cnn occurs twice with different values",
        ),
    ],
)
def test_a_broken_row_is_named_by_its_line(frame, tmp_path, row, said):
    text = lines(f"digits8,peer,0,9,{METRIC},1", row.replace(",M", f",{METRIC}"))
    with pytest.raises(BenchError) as caught:
        read_text(frame, tmp_path / "p", text)
    assert said in str(caught.value) and "\n" not in str(caught.value)
