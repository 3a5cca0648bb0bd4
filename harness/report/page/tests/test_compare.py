"""Two methods from records alone: the numbers of the report, the two places of records, and what is refused."""

import shutil

import pandas as pd
import pytest
from scipy import stats

from harness.errors import BenchError
from harness.report.claims import claims, judge
from harness.report.page import compare
from harness.report.records.aggregate import summarise
from harness.report.records.frame import load
from harness.report.records.pairs import pairs
from harness.report.stats.power import seeds_to_decide
from harness.report.stats.significance import FEWEST_FOR_TEST
from harness.report.tests import tree

METRIC = "error_12_codes"


def said(root, *names):
    return "\n".join(compare.lines(root, *names))


def test_the_numbers_are_the_reports(small):
    root, params = small
    whole = summarise(load(root, params)["vib_digits"]).set_index(["cell", "metric"])
    ((_, frame),) = pairs(root, "vib", "deterministic")
    own = summarise(frame).set_index(["cell", "metric"])
    for column in ("value", "ci_low", "difference", "difference_ci_high", "rho", "improvement_low", "p"):
        assert own.loc[("vib", METRIC), column] == whole.loc[("vib", METRIC), column], column
    a, b = (cell.units(METRIC) for cell in frame.cells)
    interval = stats.ttest_rel(a, b).confidence_interval()
    assert own.loc[("vib", METRIC), "difference_ci_low"] == pytest.approx(interval.low)
    text = said(root, "vib", "deterministic")
    assert "vib_digits: vib against deterministic" in text and "Paired over 10 seeds 0-9" in text and "better" in text
    assert "No p: the sign-flip test needs at least 9 runs, got " in said(root, "vib-beta-1e-05", "vib-beta-0.0001")


def test_page_claims_and_terminal_name_the_same_seeds(rendered):
    """Many methods against the GAN: one number for the report's table, one for the pair alone, as claims are judged."""
    root, params = rendered
    frame = load(root, params)["digits8"]
    assert not frame.metrics[frame.headline]["higher_is_better"]
    rows = summarise(frame)
    rows = rows[(rows.metric == frame.headline) & rows.seeds_needed.notna()]
    assert len(rows) > 5
    opened = 0
    for row in rows.itertuples():
        a, b = frame.known(row.cell).paired(frame.known("gan"), frame.headline)
        alone = int(seeds_to_decide(a - b))
        (part,) = judge.measure(claims.Test("laptop", "digits8", frame.headline, pairs=((row.cell, "gan"),)), frame)
        assert part.needed == (alone if part.word == judge.OPEN else None)
        opened += part.word == judge.OPEN
        # A margin of twice the difference moves the bound to the other side, from which the mean is as far.
        margin = claims.Test("laptop", "digits8", frame.headline, pairs=((row.cell, "gan"),), margin=2 * row.difference)
        (other,) = judge.measure(margin, frame)
        assert (part.word == judge.OPEN) == (other.word == judge.OPEN) and other.needed == part.needed
        assert alone < row.seeds_needed, "a family asks for more"
        alone = max(alone, FEWEST_FOR_TEST)  # by the sign-flip test of the terminal
        text = said(root, row.cell, "gan", "digits8")
        assert f"\n{alone} seeds would find the observed difference with 80 % power if " in text
        assert f"; {row.seeds_needed:.0f} in the report's table, which adjusts for all {len(rows)} methods" in text
    assert opened
    assert "if it were the true one.\n" in said(root, "vib", "deterministic")


def test_the_published_difference_takes_as_many_seeds_as_its_claim_says(small):
    """With `vib` worse by the error of its own margin the claim is open; the number is that of the claim's row."""
    root, params = small
    text = (
        "- {id: 1, domain: D, claim: c, published: p, source: s, evidence: [{preset: laptop, task: vib_digits, "
        f"metric: {METRIC}, gap: 0.05, pairs: [[vib, deterministic]]}}]}}\n"
    )
    (root / "results/claims.yaml").write_text(text)
    frame = load(root, params)["vib_digits"]
    a, b = (frame.known(name).units(METRIC).to_numpy() for name in ("vib", "deterministic"))
    assert f"\n{seeds_to_decide(a - b, 0.05):.0f} would find the published difference, 0.05, " in said(
        root, "vib", "deterministic"
    )
    (root / "results/claims.yaml").write_text(text.replace("laptop", "far"))
    assert "published" not in said(root, "vib", "deterministic")


def test_archived_records_answer_by_name_and_where_there_are_no_live_ones(small):
    root, _ = small
    far = root / "results/archive/far"
    shutil.copytree(root / "results/records", far)
    for path in far.glob("*/*/record.json"):
        path.write_text(path.read_text().replace('"laptop"', '"far"'))
    assert [name for name, _ in pairs(root, "vib", "deterministic")] == [""]
    assert [name for name, _ in pairs(root, "vib", "deterministic", preset="far")] == ["far"]
    shutil.rmtree(root / "results/records/vib_digits/vib")
    assert "archived preset far" in said(root, "vib", "deterministic") and "recorded by" in said(
        root, "vib", "deterministic"
    )
    with pytest.raises(BenchError, match="preset near has no archived records; those that have: far"):
        said(root, "vib", "deterministic", None, "near")
    (far / "vib_digits/vib/scores.csv").unlink()
    with pytest.raises(BenchError, match="scores.csv is missing; run `bench preset far --jobs 2`"):
        said(root, "vib", "deterministic", None, "far")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"preset": "smoke"}, "preset of deterministic .laptop. and of vib .smoke. differ"),
        ({"data_hash": "9" * 16}, "data of deterministic .2+. and of vib .9+. differ"),
        ({"seeds": list(range(1, 11))}, "seeds of deterministic .0-9. and of vib .1-10. differ"),
        ({"protocol": 2}, "vib has protocol 2, but this report needs protocol 1"),
        ({"steps": 1}, "steps of deterministic .* and of vib .1. differ"),
    ],
)
def test_what_must_not_be_mixed_is_refused(small, change, words):
    root, _ = small
    tree.edit(root, "vib_digits", "vib", **change)
    with pytest.raises(BenchError, match=words):
        said(root, "vib", "deterministic")


def test_doubled_rows_with_other_values_are_refused(small):
    root, _ = small
    path = root / "results/records/vib_digits/vib/scores.csv"
    rows = path.read_text().splitlines()
    path.write_text("\n".join([*rows, rows[-1].rsplit(",", 1)[0] + ",77.0"]) + "\n")
    with pytest.raises(BenchError, match="vib_digits/vib: .* must have exactly one finite score at step 2000 for each"):
        said(root, "vib", "deterministic")


def test_wrong_names_get_the_nearest(small):
    root, _ = small
    with pytest.raises(BenchError, match="no task has a record of determinstic; did you mean deterministic?"):
        said(root, "vib", "determinstic")
    with pytest.raises(BenchError, match="task digits8: unknown; did you mean vib_digits?"):
        said(root, "vib", "deterministic", "digits8")


def test_the_page_joins_the_runs_that_both_have(small):
    root, _ = small
    path = root / "results/records/vib_digits/deterministic"
    rows = pd.read_csv(path / "scores.csv")
    rows[rows.seed < 6].to_csv(path / "scores.csv", index=False)
    tree.edit(root, "vib_digits", "deterministic", seeds=list(range(6)))
    for one, other in (("vib", "deterministic"), ("deterministic", "vib")):
        compare.write(root, one, other, None, None, root / "out/page.html")
        assert "seeds 0-5" in (root / "out/page.html").read_text()


def test_the_page_holds_table_and_figure(small):
    root, _ = small
    compare.write(root, "vib", "deterministic", None, None, root / "out/page.html")
    text = (root / "out/page.html").read_text()
    assert "<svg" in text and "vib against deterministic" in text and "Run by run" in text
    with pytest.raises(BenchError, match="cannot write .*below.html"):
        compare.write(root, "vib", "deterministic", None, None, root / "out/page.html/below.html")
