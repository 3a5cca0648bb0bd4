"""The event loop and its workers: what is lost is tried again, what stands is told, and nobody is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from harness.errors import BenchError
from harness.places.board import Board
from harness.places.jobs import Job, Listed, Outcome
from harness.places.local import Local, results
from harness.places.loop import drive
from harness.places.pulse import LAST, SINCE, Pulse
from harness.places.tests import toys
from harness.places.watch import Watch, watched
from harness.registry import ROOT
from harness.run.tests.processes import gone_within, session


def tries(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_values_come_in_the_order_of_the_jobs_from_workers_that_stay(tmp_path: Path) -> None:
    jobs = [Job(str(k), partial(toys.nap, tmp_path / str(k), 0.01 * k), cost=k) for k in range(5)]
    made = results(jobs, 2)
    assert made == [int((tmp_path / str(k)).read_text()) for k in range(5)]
    assert len(set(made)) == 2 and os.getpid() not in made


def test_a_lost_worker_costs_its_own_job_one_more_try(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    once, twice, bad, odd, other = (tmp_path / name for name in ("once", "twice", "bad", "odd", "other"))
    work = Listed([
        Job("other", partial(toys.nap, other, 1.0), cost=9.0),
        Job("once", partial(toys.die, once, 1), cost=5.0),
        Job("twice", partial(toys.die, twice, 2)),
        Job("bad", partial(toys.fail, bad, False)),
        Job("odd", partial(toys.fail, odd, True)),
    ])
    board, log = Board(work.jobs), tmp_path / "log"
    started = time.monotonic()
    with Local(2, log) as place:
        drive(work, place, board)
    assert time.monotonic() - started < 10
    assert board.failed == {
        "twice": "its worker process was killed (out of memory?) twice",
        "bad": "bad input",
        "odd": "one other",
    }
    assert [tries(path) for path in (once, twice, bad, odd, other)] == [2, 2, 1, 1, 1]
    assert work.results()[:2] == [int(other.read_text()), "alive"]
    assert log.read_text().count("Traceback") == 1 and "Odd: one other" in log.read_text(), "bad input has no trace"
    said = capsys.readouterr().out
    assert "once: its worker process was killed (out of memory?), it is tried again once\n" in said
    with pytest.raises(BenchError, match="3 of 5 jobs failed, the first was "):
        board.settle()


def test_a_kill_is_noticed_at_once(tmp_path: Path) -> None:
    with Local(1) as place:
        future = place.submit(Job("nap", partial(toys.nap, tmp_path / "nap", 60)))
        while not (tmp_path / "nap").exists():
            time.sleep(0.01)
        started = time.monotonic()
        os.kill(int((tmp_path / "nap").read_text()), signal.SIGKILL)
        assert future.exception(timeout=5) is not None
        assert time.monotonic() - started < 5


def test_a_worker_that_died_idle_costs_nothing(tmp_path: Path) -> None:
    with Local(1) as place:
        first = place.submit(Job("a", partial(toys.nap, tmp_path / "a", 0.0))).result().value
        os.kill(first, signal.SIGKILL)
        time.sleep(0.2)
        assert place.submit(Job("b", partial(toys.nap, tmp_path / "b", 0.0))).result().value != first


@pytest.mark.parametrize(
    ("number", "status", "line"),
    [
        (signal.SIGKILL, -9, None),  # nobody is there to say a line
        (signal.SIGTERM, 143, "stopped by SIGTERM; run the same command to continue from the last checkpoint\n"),
        (signal.SIGINT, 130, "interrupted; run the same command to continue from the last checkpoint\n"),
        (signal.SIGHUP, 129, "stopped by SIGHUP; run the same command to continue from the last checkpoint\n"),
    ],
)
def test_no_worker_outlives_the_pool(number: int, status: int, line: str | None, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "harness.places.tests.toys", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, start_new_session=True, stderr=subprocess.PIPE, text=True) as pool:
        while not ((tmp_path / "nap").exists() and (tmp_path / "deaf").exists()):
            time.sleep(0.02)
            assert pool.poll() is None
        assert len(session(pool.pid)) >= 3
        os.kill(pool.pid, number)
        assert gone_within(5, lambda: session(pool.pid))
        assert pool.wait() == status
        assert line is None or pool.stderr.read() == line


def test_what_stands_is_told_and_ended_after_the_timeout(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    work = Listed([
        Job("stand", partial(toys.stand, tmp_path / "stand"), cost=2.0, steps=9),
        Job("nap", partial(toys.nap, tmp_path / "nap", 0.0)),
    ])
    board = Board(work.jobs)
    board.watch = Watch(least=0.3)
    with Local(1) as place:
        drive(work, place, board, timeout=2.0)
    said = capsys.readouterr().out
    assert said.count("stand has not moved since ") == 1 and "(step 3 of 9; a step usually takes 0.0" in said
    assert board.failed == {"stand": "did not move for 2 s"}
    assert tries(tmp_path / "stand") == 1 and tries(tmp_path / "nap") == 1


def test_a_job_stands_after_ten_times_its_usual_step_and_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    pulse, watch, job = Pulse(), Watch(least=1.0), Job("slow", partial(toys.nap), steps=9)
    now[0] = 500.0
    assert watch.look(job, pulse) is None, "no step is usual yet"
    for step in (1, 2, 3):
        now[0] += 4.0
        pulse.beat(step)
    assert pulse.usual == 4.0
    now[0] += 39.0
    assert watch.look(job, pulse) is None
    now[0] += 2.0
    assert watch.look(job, pulse).startswith("slow has not moved since ")
    assert watch.look(job, pulse) is None
    pulse.beat(4)
    now[0] += 1000.0
    assert "(step 4 of 9" in watch.look(job, pulse), "it moved, and stands again"
    pulse.beat(9)
    now[0] += 1000.0
    assert watch.look(job, pulse) is None, "no step is to come"


def test_a_job_of_this_very_process_is_watched_too(monkeypatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr("harness.places.watch.LEAST", 0.0)
    monkeypatch.setattr("harness.places.watch.LOOK_SECONDS", 0.02)
    with watched(Job("here", partial(toys.nap), steps=5)) as pulse:
        pulse.beat(1)
        pulse.beat(2)
        time.sleep(0.3)
    assert capsys.readouterr().out.startswith("here has not moved since ")


def test_the_time_left_counts_no_step_before_a_checkpoint(monkeypatch, capsys: pytest.CaptureFixture) -> None:
    """100 steps of the one took 10 s, so 1000 of the other take 100 s. At its half, 600 steps took 15 s: 12.5 s."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    one, other = (Job(name, partial(toys.nap), cost=1000.0, steps=1000) for name in ("one", "other"))
    board, ours, theirs = Board([one, other]), Pulse(), Pulse()
    board.began(one, ours)
    ours.beat(901)
    now[0] = 10.0
    ours.beat(1000)
    assert ours.made == 100
    board.done(one, Outcome())
    assert capsys.readouterr().out == "[1/2] one done, 10 s, about 100 s left\n"
    board.began(other, theirs)
    theirs.beat(1)
    theirs.beat(500)
    assert board.left(15.0) == ", about 12 s left"
    assert theirs.numbers[SINCE] == theirs.numbers[LAST] == 10.0
