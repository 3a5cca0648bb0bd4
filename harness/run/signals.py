"""Handle requests to stop: SIGINT, SIGTERM and SIGHUP all end a process, and training ends at a checkpoint if time
allows.
"""

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
    """A signal that ends the process.

    number: the number of the signal.
    """

    def __init__(self, number: int = signal.SIGINT):
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def stop_on_signals() -> Iterator[None]:
    """Raise Stopped on the first of SIGNALS, at once or at the end of `defer_stop`; ignore later signals.

    A signal that was ignored before stays ignored, as `nohup` requires.
    """
    global _asked
    if threading.current_thread() is not threading.main_thread():  # Python delivers signals only to the main thread
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
    """Raise Stopped on SIGTERM only, from now on. A terminal sends the other signals to all processes, and the owner
    decides.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _on_signal)
    signal.signal(signal.SIGALRM, _on_signal)


@contextlib.contextmanager
def defer_stop() -> Iterator[Callable[[], bool]]:
    """Defer Stopped to the end of the context, or for GRACE seconds. Yields a function that returns whether a signal
    came.
    """
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
    """Return the exit status: 130 for SIGINT, 143 for SIGTERM, 129 for SIGHUP."""
    return 128 + (stop.number if isinstance(stop, Stopped) else signal.SIGINT)


def report_stop(stop: KeyboardInterrupt) -> int:
    """Print one line about the stop to standard error, and return the exit status."""
    number = exit_status(stop) - 128
    what = "interrupted" if number == signal.SIGINT else f"stopped by {signal.Signals(number).name}"
    with contextlib.suppress(OSError):  # if the terminal is gone
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
