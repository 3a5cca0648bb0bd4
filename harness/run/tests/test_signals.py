"""Signals end a process by one line and a status, training at a checkpoint."""

from __future__ import annotations

import os
import signal
import time

import pytest

from harness.run import signals

CODE = "import sys; from harness.cli import main; sys.exit(main(sys.argv[1:]))"


def test_a_signal_is_put_off_until_the_end_of_what_must_be_whole() -> None:
    done = []
    with pytest.raises(signals.Stopped) as stop, signals.stop_on_signals():
        with signals.defer_stop() as asked:
            assert not asked()
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGINT)
            done.append(asked())
        done.append("never")
    assert done == [True] and signals.exit_status(stop.value) == 143, "the first of the two counts"
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_what_takes_too_long_is_stopped_in_its_midst(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "GRACE", 0.05)
    started = time.monotonic()
    with pytest.raises(signals.Stopped) as stop, signals.stop_on_signals(), signals.defer_stop():
        os.kill(os.getpid(), signal.SIGHUP)
        time.sleep(10)
    assert time.monotonic() - started < 5 and signals.exit_status(stop.value) == 129


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals.stop_on_signals():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    ("number", "status", "line"),
    [
        (signal.SIGINT, 130, "interrupted; run the same command to continue from the last checkpoint\n"),
        (signal.SIGTERM, 143, "stopped by SIGTERM; run the same command to continue from the last checkpoint\n"),
        (signal.SIGHUP, 129, "stopped by SIGHUP; run the same command to continue from the last checkpoint\n"),
    ],
)
def test_the_line_and_the_status(number: int, status: int, line: str, capsys: pytest.CaptureFixture) -> None:
    assert signals.report_stop(signals.Stopped(number)) == status
    assert capsys.readouterr() == ("", line)
    assert signals.exit_status(KeyboardInterrupt()) == 130
