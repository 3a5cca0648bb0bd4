"""What runs now: jobs by machine in one line, the time of the longest chain, and a file that the list reads."""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import Future
from pathlib import Path

import pytest

from harness.cli import main
from harness.places import live
from harness.places.board import Board
from harness.places.jobs import Job, Listed, Lost, Outcome
from harness.places.live import Running, told
from harness.places.loop import drive
from harness.places.pulse import WAITING, Pulse
from harness.tests import small


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    return clock


def jobs(*names: str, cost: float = 100.0) -> list[Job]:
    return [Job(name, print, cost=cost, steps=100) for name in names]


def test_the_line_has_jobs_by_machine_their_pace_and_the_time_left() -> None:
    running = [Running("a", "n2", 10, 100, 2.5), Running("b", "n1", 0, 100, 0.0), Running("c", "n2", 10, 100, 4.0)]
    assert (
        told(running, 3, 22, 811.7) == "3 of 22 jobs done; n1: 1 running; n2: 2 running, 6.5 steps/s; about 812 s left"
    )
    assert told([*running, Running("d", WAITING, 0, 100, 0.0)], 0, 4, None).endswith("steps/s; 1 waiting")
    assert told([], 0, 2, None) == "0 of 2 jobs done"


def test_no_more_machines_shorten_the_longest_chain(now: list[float]) -> None:
    """Two machines make 10 a second each. 300 are left, 15 s for both, but of three jobs that wait for each other."""
    first, second, third, beside, last = jobs("first", "second", "third", "beside", "last")
    chain = [second, third, last]
    board = Board([first, beside, *chain], lambda left: sum(map(left, chain)))
    for job in (first, beside):
        board.began(job, Pulse())
        for step in range(1, 101):
            board.running[job].beat(step)
    now[0] += 10
    board.done(first, Outcome())
    assert board.seconds_left(10.0) == pytest.approx(30.0), "of one machine, 10 a second, three jobs"
    board.longest = None
    assert board.seconds_left(10.0) == pytest.approx(15.0)


def test_a_resumed_job_counts_what_it_makes_now(now: list[float]) -> None:
    """It begins at step 90 of 100 and makes 5 in 10 s: 10 s for the other 5, and 200 s for the job that waits."""
    resumed, other = jobs("resumed", "other")
    board, pulse = Board([resumed, other]), Pulse()
    board.began(resumed, pulse)
    now[0] += 2
    pulse.beat(91)
    now[0] += 8
    pulse.beat(95)
    assert board.seconds_left(10.0) == pytest.approx(10 + 200)


def test_the_list_tells_what_runs_and_what_is_heard_of_no_more(
    tmp_path: Path, now: list[float], capsys: pytest.CaptureFixture
) -> None:
    small.write(tmp_path)
    (job,) = jobs("one")
    board, pulse = Board([job]), Pulse()
    with board.live.told_in(tmp_path):
        board.began(job, pulse)
        now[0] += 4
        pulse.beat(1)
        now[0] += 2
        pulse.beat(2)
        board.look()
        found = json.loads((tmp_path / live.FILE).read_text())
        assert found["jobs"] == [{"title": "one", "where": "here", "step": 2, "steps": 100, "rate": 0.5}]
        assert main(["--root", str(tmp_path), "list"]) == 0
        line = "0 of 1 jobs done; here: 1 running, 0.5 steps/s; about 294 s left"
        assert f"running: {line}\n" in capsys.readouterr().out
        before = (tmp_path / live.FILE).stat().st_mtime_ns
        board.look()
        assert (tmp_path / live.FILE).stat().st_mtime_ns == before, "it is not written at every glance"
        (tmp_path / live.FILE).write_text(json.dumps(found | {"at": found["at"] - 100}))
        assert re.fullmatch(rf"a run was last heard of 1\d\d s ago: {re.escape(line)}", live.heard(tmp_path))
        (tmp_path / live.FILE).write_text("{")
        assert live.heard(tmp_path) is None
    assert not (tmp_path / live.FILE).exists()
    copy = tmp_path / "build/copy" / live.FILE
    copy.parent.mkdir(parents=True)
    copy.write_text(json.dumps(found))
    assert main(["--root", str(tmp_path), "list"]) == 0
    assert f"copy: running: {line}\n" in capsys.readouterr().out


def test_a_terminal_has_one_line_that_makes_way_for_others(now: list[float], capsys: pytest.CaptureFixture) -> None:
    (job,) = jobs("one")
    board = Board([job])
    board.live.terminal = True
    board.began(job, Pulse())
    now[0] += 2
    board.look()
    board.done(job, Outcome())
    shown = capsys.readouterr().out
    assert shown == "\r\x1b[K0 of 1 jobs done; here: 1 running\r\x1b[K[1/1] one done, 2 s\n"


class Losing:
    """A place that loses every worker."""

    tries = 4

    def __init__(self) -> None:
        self.pulses: dict[Future, Pulse] = {}

    def room(self, job: Job) -> bool:
        return True

    def submit(self, job: Job) -> Future:
        future: Future = Future()
        future.set_exception(Lost(f"its worker on n{len(self.pulses)} was lost (NodeDiedError)"))
        self.pulses[future] = Pulse()
        return future

    def pulse(self, future: Future) -> Pulse:
        return self.pulses[future]

    def end(self, future: Future) -> None:
        raise AssertionError


def test_a_lost_worker_is_told_and_tried_again_so_often(capsys: pytest.CaptureFixture) -> None:
    work = Listed(jobs("one"))
    board = Board(work.jobs)
    drive(work, Losing(), board)
    assert capsys.readouterr().out.splitlines()[:-1] == [
        "one: its worker on n0 was lost (NodeDiedError), it is tried again up to 3 times",
        "one: its worker on n1 was lost (NodeDiedError), it is tried again up to 2 times",
        "one: its worker on n2 was lost (NodeDiedError), it is tried again once",
    ]
    assert board.failed == {"one": "its worker on n3 was lost (NodeDiedError) 4 times"}
