"""Asked to stop: SIGINT, SIGTERM and SIGHUP end a process alike, training at a checkpoint if there is time for one."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE = 1.5  # seconds for the step that is under way and its checkpoint
_asked: int | None = None  # the signal that came
_deferring = False


class Stopped(KeyboardInterrupt):
    """A signal that ends the process; number: which one."""

    def __init__(self, number: int = signal.SIGINT):
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def stop_on_signals() -> Iterator[None]:
    """Within, the first of SIGNALS raises Stopped, at once or at the end of `defer_stop`; later ones change nothing.

    A signal that was ignored before stays so, as `nohup` wants it.
    """
    global _asked
    if threading.current_thread() is not threading.main_thread():  # where Python hands no signals
        yield
        return
    before = {number: signal.getsignal(number) for number in (*SIGNALS, signal.SIGALRM)}
    _asked = None
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, _on_signal)
    try:
        yield
    finally:
        _asked = None
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def stop_worker_on_sigterm() -> None:
    """From here on SIGTERM alone raises Stopped: a terminal sends the others to all, and the owner decides."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _on_signal)
    signal.signal(signal.SIGALRM, _on_signal)


@contextlib.contextmanager
def defer_stop() -> Iterator[Callable[[], bool]]:
    """Within, a signal only makes the function that is given return true, for GRACE seconds; then Stopped is raised."""
    global _deferring
    _deferring = True
    try:
        yield lambda: _asked is not None
    finally:
        _deferring = False
        signal.setitimer(signal.ITIMER_REAL, 0)
    if _asked is not None:
        raise Stopped(_asked)


def exit_status(stop: KeyboardInterrupt) -> int:
    """The exit status: 130 for SIGINT, 143 for SIGTERM, 129 for SIGHUP."""
    return 128 + (stop.number if isinstance(stop, Stopped) else signal.SIGINT)


def report_stop(stop: KeyboardInterrupt) -> int:
    """Print the one line about it to standard error; returns the exit status."""
    number = exit_status(stop) - 128
    what = "interrupted" if number == signal.SIGINT else f"stopped by {signal.Signals(number).name}"
    with contextlib.suppress(OSError):  # of a terminal that is gone
        print(f"{what}; run the same command to continue from the last checkpoint", file=sys.stderr, flush=True)
    return 128 + number


def _on_signal(number: int, frame: FrameType | None) -> None:
    global _asked
    if number == signal.SIGALRM:  # the grace is over
        raise Stopped(_asked or signal.SIGTERM)
    if _asked is not None:
        return
    _asked = number
    if not _deferring:
        raise Stopped(number)
    signal.setitimer(signal.ITIMER_REAL, GRACE)
