"""Printed numbers keep their digits; a verdict needs a narrow interval around them."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from harness.errors import BenchError
from harness.report.claims import published
from harness.report.records.frame import load
from harness.report.records.published import FIGURE_2, FIGURE_8, load_published, read_off, read_off_of
from harness.report.stats import statistics as st
from harness.report.tables.formats import words

COLUMNS = "domain,task,method,metric,mean,std,n_seeds,higher_is_better,source"


@pytest.fixture
def printed(tmp_path):
    path = tmp_path / "published.csv"
    path.write_text(
        f"{COLUMNS}\n"
        "toy,Run,A,error,0.46,0.04,3,false,first\n"
        "toy,Run,A,error,0.60,0.09,3,false,second\n"
        "toy,Run,B,error,-3,,,false,second\n"
    )
    return load_published(path)


def test_the_later_version_stands_first_with_its_own_digits(printed):
    (table,) = published.numbers(printed)
    cells = {row[0].text: row[1].text.replace("\u00a0", " ") for row in table.rows}
    assert cells == {"A": "0.60 ± 0.09 (n 3); earlier 0.46 ± 0.04 (n 3)", "B": "−3"}


@pytest.mark.parametrize(
    ("value", "interval", "up", "word"),
    [
        (10.0, (9.5, 10.5), True, "reproduced"),
        (12.0, (9.5, 10.5), True, "not reproduced"),
        (12.0, (9.5, 10.5), False, "ours is better"),
        (8.0, (9.5, 10.5), True, "ours is better"),
        (8.0, (9.5, 10.5), False, "not reproduced"),
        (10.0, (5.0, 15.0), True, "inconclusive"),
        (10.0, (np.nan, np.nan), True, "inconclusive"),
    ],
)
def test_verdicts(value, interval, up, word):
    assert published.agreement(value, 10.0, *interval, margin=0.1, higher_is_better=up) == word


def test_ours_stands_beside_the_declared_column(small, printed):
    root, params = small
    frame = load(root, params)["vib_digits"]
    x = frame.cell("vib").endpoint("error_12_codes")
    printed.loc[1, "mean"] = f"{x.mean():.3f}"
    declared = {"task": "Run", "metric": "error_12_codes", "names": {"vib": "A", "new": "B"}, "margin": 0.5}
    table = published.beside(frame, declared, printed, str)
    (row,) = table.rows
    assert [words(row[k]) for k in (0, 2, 4)] == ["vib", "10", "reproduced"]
    own, theirs = x.var(ddof=1) / 10, 0.09**2 / 3  # their spread is printed
    degrees = (own + theirs) ** 2 / (own**2 / 9 + theirs**2 / 2)
    assert row[1].high - x.mean() == pytest.approx(stats.t.ppf(0.975, degrees) * np.sqrt(own + theirs))
    printed.loc[1, "std"] = ""
    (row,) = published.beside(frame, declared, printed, str).rows
    # Three published runs: the interval of a mean of three, wider than that of our mean.
    half = row[1].high - x.mean()
    assert half == pytest.approx(2.262 * x.std(ddof=1) * np.sqrt(1 / 10 + 1 / 3), rel=1e-3)


def test_a_printed_spread_counts():
    """Ten equal runs of ours lie .04 from a mean of three runs whose own interval is .22 wide on either side."""
    ours, low_high = np.full(10, 0.30) + np.tile([-0.002, 0.002], 5), (0.26, 0.09, 3)
    low, high = st.welch_interval(ours, *low_high[1:])
    test = stats.ttest_ind_from_stats(0.30, ours.std(ddof=1), 10, *low_high, equal_var=False)
    assert test.pvalue > 0.5 and low < 0.26 < high
    edge = stats.ttest_ind_from_stats(0.30, ours.std(ddof=1), 10, low, *low_high[1:], equal_var=False)
    assert edge.pvalue == pytest.approx(0.05), "the interval is the test's"
    assert not np.subtract(*st.welch_interval(np.full(3, 1.0), 0.0, 2))


def test_read_offs_are_monotone_and_complete():
    curves = read_off(FIGURE_2)
    assert set(curves) == {"0.1", "1", "10", "none"}
    assert all(curve.is_monotonic_increasing and curve[0] == 0.5 for curve in curves.values())
    ends = {name: curve[750_000] for name, curve in read_off(FIGURE_8).items()}
    assert ends["VGAN-GP"] == 18.1 and ends["GAN"] == 63.6


def test_read_offs_of_a_task_are_those_of_one_figure():
    dance, images = read_off_of("Dance"), read_off_of("CIFAR-10")
    assert (dance.figure, images.figure) == (4, 8) and images.curves.keys() == read_off(FIGURE_8).keys()
    assert dance.curves["VAIL"].to_dict() == {4e7: 0.85, 8e7: 0.4, 12e7: 0.3, 15e7: 0.6}
    assert len(dance.curves) == 6
    assert read_off_of("Run") is None and read_off_of("Two Gaussians") is None


def test_no_file_no_section(tmp_path):
    assert load_published(tmp_path / "published.csv") is None


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"a,b\n1,2\n", "has no column domain, task"), (b"\xff\xfe\0", "cannot be read"), (b"", "cannot be")],
)
def test_a_file_that_is_no_table_is_named(tmp_path, content, said):
    (tmp_path / "published.csv").write_bytes(content)
    with pytest.raises(BenchError, match=rf"^\S+published.csv {said}.*: restore it, e.g. with git$"):
        load_published(tmp_path / "published.csv")


def test_printed_numbers_are_text(printed):
    assert isinstance(printed, pd.DataFrame) and printed["mean"].tolist() == ["0.46", "0.60", "-3"]
