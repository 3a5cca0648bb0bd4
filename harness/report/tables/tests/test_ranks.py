"""Ranks and costs by hand-made records: who is first by what, how ranks go together, and what one run costs."""

import json
import math

import pandas as pd
import pytest

from harness.report.records.aggregate import summarise
from harness.report.records.cost import cost
from harness.report.records.frame import load
from harness.report.records.twins import bottlenecked, twins
from harness.report.tables import ranks, summary
from harness.report.tables.formats import words
from harness.report.tests import tree

TASK = "vib_digits"


@pytest.fixture
def three(small):
    """Three methods: 'a' best by the error with 12 codes, 'c' by that with one, both errors falling from a to c."""
    root, params = small
    params["methods"][TASK] = {"deterministic": {}, "vib": {}, "vib-beta-0.0001": {}}
    params["ablations"] = {}
    values = {"deterministic": (3.0, 1.0), "vib": (1.0, 2.0), "vib-beta-0.0001": (2.0, 2.0)}
    for name, (twelve, one) in values.items():
        tree.edit(root, TASK, name, ablation=None, method=name, cell=name, seeds=list(range(5)))
        path = root / "results/records" / TASK / name / "scores.csv"
        rows = pd.read_csv(path)
        rows = rows[rows.seed < 5].assign(method=name)
        rows.loc[rows.metric == "error_12_codes", "value"] = twelve
        rows.loc[rows.metric == "error_1_code", "value"] = one
        rows.loc[rows.metric == "train_error", "value"] = 7.0
        rows.loc[rows.metric == "kl", "value"] = twelve
        rows.to_csv(path, index=False)
    return root, params


def test_ranks_are_told_where_metrics_disagree(three):
    root, params = three
    frame = load(root, params)[TASK]
    assert not frame.unreadable
    found = summarise(frame)
    places = ranks.ranks(frame, found)
    assert list(places) == ["error_12_codes", "error_1_code"], "the others rank nobody, or as the headline does"
    assert places.error_1_code.to_dict() == {"deterministic": 1.0, "vib": 2.5, "vib-beta-0.0001": 2.5}
    assert ranks.disagreeing(places) == 1
    table = ranks.table(frame, found)
    assert [words(row[0]).removesuffix(summary.MARK) for row in table.rows] == [
        "vib",
        "vib-beta-0.0001",
        "deterministic",
        ranks.CORRELATION,
    ]
    # Ranks 3, 1, 2 and 1, 2.5, 2.5: covariance -1.5 over 2, deviations 1 and 0.866.
    assert words(table.rows[-1][2]) == "−0.87"
    last_bit = -1.5 / math.sqrt(2 * 1.5)  # as downloads must have the same bytes on every processor
    assert table.rows[-1][2].value == last_bit


def test_the_headline_stands_first_even_if_all_are_tied(three):
    root, params = three
    for name in params["methods"][TASK]:
        path = root / "results/records" / TASK / name / "scores.csv"
        rows = pd.read_csv(path)
        rows.loc[rows.metric == "error_12_codes", "value"] = 90.0
        rows.to_csv(path, index=False)
    frame = load(root, params)[TASK]
    found = summarise(frame)
    places = ranks.ranks(frame, found)
    assert list(places) == ["error_12_codes", "error_1_code", "kl"] and set(places.error_12_codes) == {2.0}
    assert math.isnan(ranks.table(frame, found).rows[-1][2].value), "equal ranks have no correlation"


def test_only_the_rarer_processor_is_named_with_its_methods(three):
    root, params = three
    path = root / "results/records" / TASK / "vib/provenance.json"
    said = json.loads(path.read_text())
    said["environment"] |= {"device": "another"}
    path.write_text(json.dumps(said))
    frame = load(root, params)[TASK]
    notes = " ".join(ranks.table(frame, summarise(frame)).notes)
    usual = tree.ENVIRONMENT["device"]
    assert f"(on {usual}, but on another: {frame.known('vib').title}; seconds of different processors" in notes


def test_a_run_costs_its_share_of_the_seconds_that_its_block_took(small):
    root, params = small
    folder = root / "results/records" / TASK / "vib"
    said = json.loads((folder / "provenance.json").read_text())
    said["training_seconds"] = {"0": 30.0, "1": 20.0}
    said["environment"] |= {"threads": 2}
    (folder / "provenance.json").write_text(json.dumps(said))
    block = {"critic_steps": 5, "critic_optimizer": {"lr": 1}}
    one, three = {"critic_optimizer": {"lr": 1}}, {"discriminator_steps": 3}
    for method, batches in ((block, 10_000), (one, 2000), (three, 6000)):
        tree.edit(root, TASK, "vib", params={"task": {}, "method": method})
        assert cost(load(root, params)[TASK].known("vib")) == (2000, batches, 10.0), "2 threads, 50 s, 10 seeds"
    said["training_cpu_seconds"] = {"1": 15.0}
    (folder / "provenance.json").write_text(json.dumps(said))
    assert cost(load(root, params)[TASK].known("vib")).core_seconds == 7.5, "2 threads, 30 s, and 15 s of a core"
    tree.edit(root, TASK, "vib", params={"task": {}, "method": {}})
    (folder / "provenance.json").unlink()
    found = cost(load(root, params)[TASK].known("vib"))
    assert found.updates == 2000 and pd.isna(found.critic_batches) and pd.isna(found.core_seconds)


def test_a_code_whose_noise_costs_nothing_is_no_bottleneck(small):
    """It is not the twin without one either: it has the noise."""
    root, params = small
    for code, has in (({"beta": 0.0, "i_c": None}, False), ({"beta": 0.0, "i_c": 0.5}, True), ({"beta": 0.1}, True)):
        tree.edit(root, TASK, "vib", params={"task": {}, "method": {"critic": {"bottleneck": code}}})
        tree.edit(root, TASK, "deterministic", params={"task": {}, "method": {"critic": {}}})
        frame = load(root, params)[TASK]
        assert bottlenecked(frame.known("vib")) == has
        assert [(a.name, b.name) for a, b in twins(frame)] == [("vib", "deterministic")] * has


def test_the_head_says_what_an_interval_of_so_few_runs_covers():
    assert summary.nominal(pd.Series([10, 5])) == "95\u00a0%, in truth 90\u00a0%"
    assert summary.nominal(pd.Series([50])) == summary.nominal(pd.Series([], dtype=int)) == "95\u00a0%"
