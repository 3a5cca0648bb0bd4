"""What waits for what: no levels, and a failure takes along only those that take from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import BenchError
from harness.places import cells as module
from harness.places.cells import Cells
from harness.places.jobs import Outcome
from harness.plan.tests.test_needs import PARAMS, write

CHAIN = {
    **PARAMS,
    "tasks": PARAMS["tasks"] | {"apart": PARAMS["tasks"]["taught"]},
    "methods": PARAMS["methods"] | {"apart": PARAMS["methods"]["taught"]},
}


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cells:
    monkeypatch.setattr(module, "state", lambda root, cell: "not run")
    plan = write(tmp_path, CHAIN)
    return Cells(tmp_path, plan.cells, plan)


def ended(work: Cells, jobs: list, failure: str | None = None) -> list[str]:
    """The titles that are ready once `jobs` have ended so."""
    for job in jobs:
        work.board.began(job, module.Pulse())
        work.board.done(job, Outcome(failure=failure))
        work.done(job, Outcome(failure=failure))
    now.extend(fresh := work.ready())
    return [job.title for job in fresh]


now: list = []


def test_a_cell_starts_as_soon_as_what_it_takes_from_is_done(work: Cells) -> None:
    first = {job.title: job for job in work.ready()}
    assert set(first) == {"apart/expert block 1 of 1", "taught/expert block 1 of 1"}
    assert first["taught/expert block 1 of 1"].first and not first["apart/expert block 1 of 1"].first
    job = first["taught/expert block 1 of 1"]
    for title in (
        ["taught/expert scores"],
        ["learnt prepared"],
        ["learnt/airl block 1 of 1"],
        ["learnt/airl scores"],
        ["flipped/airl block 1 of 2", "flipped/airl block 2 of 2"],
    ):
        now.clear()
        assert ended(work, [job]) == title
        job = now[0]
    assert ended(work, [now[0]]) == []
    assert ended(work, [now[1]]) == ["flipped/airl scores"], "which wait for both blocks"
    assert not work.board.failed


def test_a_failure_takes_along_what_takes_from_it_and_nothing_else(work: Cells) -> None:
    jobs = {job.title: job for job in work.ready()}
    assert ended(work, [jobs["taught/expert block 1 of 1"]], "no") == []
    assert ended(work, [jobs["apart/expert block 1 of 1"]]) == ["apart/expert scores"]
    assert ended(work, [now[-1]]) == []
    assert work.board.failed == {
        "taught/expert block 1 of 1": "no",
        "learnt/airl": "takes from taught/expert, which failed",
        "flipped/airl": "takes from learnt/airl, which failed",
    }
    assert not work.board.open
    with pytest.raises(BenchError, match="jobs failed, the first was taught/expert block 1 of 1: no"):
        work.board.settle()


def test_what_cannot_be_prepared_is_not_begun(work: Cells) -> None:
    jobs = {job.title: job for job in work.ready()}
    ended(work, [jobs["taught/expert block 1 of 1"]])
    assert ended(work, [now[-1]]) == ["learnt prepared"]
    assert ended(work, [now[-1]], "no room") == []
    assert work.board.failed["learnt/airl"] == "its task could not be prepared: no room"
    assert work.board.failed["flipped/airl"] == "takes from learnt/airl, which failed"


def test_what_others_take_is_made_again_where_a_record_came_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As from an archive; a record from which nothing takes needs no artefacts."""
    monkeypatch.setattr(module, "state", lambda root, cell: module.UP_TO_DATE)
    plan = write(tmp_path, CHAIN)
    assert [job.title for job in Cells(tmp_path, plan.cells, plan).ready()] == ["taught/expert block 1 of 1"]
    file = tmp_path / "results/records/taught/expert/artefacts.npz"
    file.parent.mkdir(parents=True)
    file.touch()
    assert [job.title for job in Cells(tmp_path, plan.cells, plan).ready()] == ["learnt prepared"]
