"""The committed table of simulated statistics, drawn again in small; a wrong interval and a wrong test do not agree
with it.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.report.stats import significance
from harness.report.stats import simulation as coverage
from harness.report.stats import statistics as st

ROOT = Path(__file__).resolve().parents[4]
EXPERIMENTS = 300
FAR = 3.5  # standard errors; 12 places are looked at


@pytest.fixture(scope="module")
def table():
    rows = pd.read_csv(ROOT / "results/statistics/coverage.csv")
    assert list(rows.columns) == list(coverage.Row._fields)
    return rows[rows.used].set_index(["quantity", "distribution", "n", "method"]).value


def agrees(hits: np.ndarray, committed: float) -> bool:
    """Binomial error of both counts."""
    spread = np.sqrt(max(committed * (1 - committed), 0.005) * (1 / len(hits) + 1 / coverage.EXPERIMENTS))
    return bool(abs(hits.mean() - committed) <= FAR * spread)


def halved(interval):
    def narrow(x):
        low, high = interval(x)
        return (3 * low + high) / 4, (low + 3 * high) / 4

    return narrow


@pytest.mark.parametrize("distribution", ["normal", "collapsed"])
@pytest.mark.parametrize("n", [5, 10])
@pytest.mark.parametrize("quantity", coverage.QUANTITIES)
def test_intervals_cover_as_the_table_says(table, quantity, n, distribution):
    method, interval = next(iter(coverage.QUANTITIES[quantity].intervals.items()))
    committed = table[f"coverage: {quantity}", distribution, n, method]
    held = coverage.covered(quantity, interval, distribution, n, EXPERIMENTS, "test")
    assert agrees(held, committed), held.mean()
    assert not agrees(coverage.covered(quantity, halved(interval), distribution, n, EXPERIMENTS, "test"), committed)


def test_a_further_run_falls_into_the_prediction_interval_as_often_as_the_table_says(table):
    held = coverage.predicted(st.prediction_interval, "normal", 10, EXPERIMENTS, "test")
    committed = table[f"coverage: {coverage.PREDICTION}", "normal", 10, "prediction interval"]
    assert agrees(held, committed)
    assert not agrees(coverage.predicted(halved(st.prediction_interval), "normal", 10, EXPERIMENTS, "test"), committed)


def test_false_alarms_of_a_family_are_as_rare_as_the_table_says(table, monkeypatch):
    method = f"sign flips, Holm over {coverage.METHODS}"
    committed = table["family-wise error", "normal", 10, method]
    assert 0.03 <= committed <= 0.06 and table["family-wise error", "collapsed", 10, method] <= 0.06
    passed, called = coverage.false_alarms("normal", 10, EXPERIMENTS, "test")
    assert agrees(passed, committed) and called.sum() <= passed.sum()
    monkeypatch.setattr(significance, "holm", np.asarray)  # 12 tests, none adjusted
    assert not agrees(coverage.false_alarms("normal", 10, EXPERIMENTS, "test")[0], committed)


def test_the_populations_are_what_they_say():
    """Of many runs: the share that collapsed, their correlation, and the truths that the intervals are to hold."""
    rng = np.random.default_rng(0)
    a, b = coverage.pairs("normal", 1.0, 200_000, rng)
    assert np.corrcoef(a, b)[0, 1] == pytest.approx(coverage.RHO, abs=0.01) and (a - b).mean() == pytest.approx(
        1.0, abs=0.01
    )
    a, b = coverage.pairs("collapsed", 1.0, 200_000, rng)
    assert (a == coverage.FLOOR).mean() == pytest.approx(0.2, abs=0.01)
    assert st.iqm(a[None]) == pytest.approx(coverage.QUANTITIES["interquartile mean"].truth["collapsed"], abs=0.02)
    assert (a - b).mean() == pytest.approx(coverage.QUANTITIES["mean difference"].truth["collapsed"], abs=0.05)
    other = rng.permutation(b)  # of another seed, as P(better) takes them
    chance = (a > other).mean() + (a == other).mean() / 2
    assert chance == pytest.approx(coverage.QUANTITIES["P(better)"].truth["collapsed"], abs=0.01)
