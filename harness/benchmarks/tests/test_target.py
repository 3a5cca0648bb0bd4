"""Wall-clock to a target: what is counted, where a side stops, and how a record says that it did not arrive."""

from pathlib import Path

import pytest

from harness.benchmarks import beside, peers, target
from harness.benchmarks.record import Options
from harness.report.records.measured import fault

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def work():
    return beside.Work("gail", demonstrations=beside.expert(ROOT))


@pytest.mark.parametrize(("aim", "budget", "scores"), [(-1e9, 1e9, 1), (1e9, 0.0, 1), (1e9, 1e-9, 1)])
def test_ours_stops_at_the_target_or_at_the_end_of_its_time(monkeypatch, work, aim, budget, scores):
    monkeypatch.setattr(target, "EVERY", 4_000)
    path = target.ours(Options(ROOT), work, 0, aim, budget)
    assert len(path) == scores and [steps for steps, _, _ in path] == [4_000] and path[0][1] > 0


def test_a_side_that_did_not_arrive_is_told(monkeypatch):
    goal = []

    def theirs(options, work, seed, aim, budget):
        goal.append(aim)
        return [[40_000, 100.0, 0.1 * aim], [80_000, 200.0 + seed, 0.5 * aim]]

    monkeypatch.setattr(peers, "version", lambda *_: {"name": "imitation", "version": "1"})
    monkeypatch.setattr(target, "theirs", theirs)
    monkeypatch.setattr(target, "ours", lambda options, work, seed, aim, budget: [[40_000, 10.0, aim]])
    (made,) = target.measure(Options(ROOT, pairs=2))
    assert 2_000 < goal[0] < 3_600 and made["settings"]["arrived"] == {"ours": [True, True], "theirs": [False, False]}
    (row,) = made["rows"]
    assert (
        row["pairs"] == [{"ours": 10.0, "theirs": 200.0}, {"ours": 10.0, "theirs": 201.0}]
        and not row["higher_is_better"]
    )
    assert fault(made, "gail-target-quick") is None
