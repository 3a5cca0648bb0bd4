"""The summary against the statistics taken by hand, and the shape that DVC's metrics need."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from harness.report.records.aggregate import summarise
from harness.report.records.frame import load
from harness.report.stats import significance
from harness.report.tests import tree


@pytest.fixture(scope="session")
def digits(rendered):
    root, params = rendered
    frame = load(root, params)["digits8"]
    return frame, summarise(frame)


def row(table, cell, metric="frechet_digits-cnn"):
    return table[(table.cell == cell) & (table.metric == metric)].iloc[0]


def test_a_row_holds_the_statistics_of_its_runs(digits):
    frame, table = digits
    a, b = (frame.cell(name).endpoint("frechet_digits-cnn") for name in ("vgan", "gan"))
    got = row(table, "vgan")
    assert got.value == pytest.approx(np.sort(a)[2:8].mean())
    assert got.ci_low < got.value < got.ci_high
    assert got.difference == pytest.approx((a - b).mean())
    interval = stats.ttest_rel(a, b).confidence_interval()
    assert got.difference_ci_low == pytest.approx(interval.low)
    assert (got["n"], got.failures, got.compared_with) == (10, 0, "gan")


def test_the_tested_family_is_methods_against_baseline_on_the_headline(digits):
    _, table = digits
    tested = table[table.p.notna()]
    assert set(tested.metric) == {"frechet_digits-cnn"} and set(tested.ablation) == {""}
    assert len(tested) == len(tree.GANS) - 2  # without the baseline and the cell not run
    assert list(tested.p_holm) == pytest.approx(list(significance.holm(tested.p)))


def test_a_failed_run_counts_at_the_floor_and_is_listed(digits):
    frame, table = digits
    assert row(table, tree.DIVERGED).failures == 1
    assert frame.cell(tree.DIVERGED).endpoint("frechet_digits-cnn")[3] == 812.3
    assert frame.cell(tree.DIVERGED).status == "1 of 10 failed: seed 3 diverged at step 512"


def test_a_cell_not_run_keeps_its_row(digits):
    _, table = digits
    rows = table[table.cell == tree.MISSING]
    assert list(rows.status) == ["not run"] and rows.value.isna().all()


def test_ablations_pair_on_the_shared_seeds_and_carry_no_p(digits):
    frame, table = digits
    cell = frame.ablations[0].cells[0]
    got = row(table, cell.name)
    base = frame.cell("gan").endpoint("frechet_digits-cnn")[:5]
    assert got.difference == pytest.approx((cell.endpoint("frechet_digits-cnn") - base).mean())
    assert np.isnan(got.p) and got["n"] == 5


def test_a_new_method_moves_no_other_interval(rendered, digits):
    root, params = rendered
    fewer = {name: block for name, block in params["methods"]["digits8"].items() if name != "sn"}
    smaller = {**params, "methods": {"digits8": fewer}, "tasks": {"digits8": params["tasks"]["digits8"]}}
    smaller["ablations"] = {}
    table = summarise(load(root, smaller)["digits8"])
    columns = ["value", "ci_low", "ci_high", "difference", "p"]
    pd.testing.assert_series_equal(row(table, "vgan")[columns], row(digits[1], "vgan")[columns], check_names=False)


def test_a_metric_that_only_describes_has_no_better(small):
    root, params = small
    for path in (root / "results/records/vib_digits").glob("*/record.json"):
        record = json.loads(path.read_text())
        record["metrics"]["kl"]["higher_is_better"] = None
        path.write_text(json.dumps(record))
    table = summarise(load(root, params)["vib_digits"])
    assert table[table.metric == "kl"].improvement.isna().all()
    assert table[table.metric == "kl"].difference.notna().any()


def test_too_few_seeds_for_a_test_give_no_p(small):
    root, params = small
    for name in params["methods"]["vib_digits"]:
        folder = root / "results/records/vib_digits" / name
        tree.edit(root, "vib_digits", name, seeds=[0, 1, 2, 3, 4])
        scores = pd.read_csv(folder / "scores.csv")
        scores[scores.seed < 5].to_csv(folder / "scores.csv", index=False)
    table = summarise(load(root, params)["vib_digits"])
    assert table.p.isna().all() and table.p_holm.isna().all()
    assert table.difference.notna().any()


def test_two_seeds_have_no_interval(small):
    root, params = small
    params["ablations"] = {}
    for name in params["methods"]["vib_digits"]:
        folder = root / "results/records/vib_digits" / name
        tree.edit(root, "vib_digits", name, seeds=[0, 1])
        scores = pd.read_csv(folder / "scores.csv")
        scores[scores.seed < 2].to_csv(folder / "scores.csv", index=False)
    table = summarise(load(root, params)["vib_digits"])
    assert table.ci_low.isna().all() and table.difference_ci_low.isna().all()
    assert table.value.notna().all()


def test_a_method_has_a_short_line_of_numbers_for_dvc(rendered):
    """One file for each method that ran, whose numbers are those of the summary's headline; JSON has no NaN."""
    root, params = rendered
    for task in params["tasks"]:
        table = pd.read_csv(root / f"results/summary/{task}.csv").query("headline == True and ablation.isna()")
        found = {path.stem: json.loads(path.read_text()) for path in (root / f"results/metrics/{task}").iterdir()}
        assert found.keys() == set(table.cell) and len(found) > 1
        for row in table.itertuples():
            assert found[row.cell]["score"] == pytest.approx(row.value, rel=1e-4) and found[row.cell]["n"] == row.n
            assert ("difference" in found[row.cell]) == pd.notna(row.difference)
            assert "p" not in found[row.cell], "it depends on how many methods there are"
            assert all(type(value) in (int, float) for value in found[row.cell].values())
