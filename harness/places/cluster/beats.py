"""Track the progress of jobs on other machines: each reports once a second to an actor, which the driver asks.

The answer to a report says whether to stop. Nothing waits for these messages, because Ray gives the core of a waiting
worker to others.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from harness.places.pulse import BEGUN, FIRST, LAST, SINCE, STEP, WAITING, Pulse

SECONDS = 1.0
END_SECONDS = 10.0  # in which the last report must be on its way


class Beats:
    """The actor, which keeps the last report of each job by its number until the job has ended."""

    def __init__(self) -> None:
        self.heard: dict[int, dict[str, Any]] = {}
        self.stopping = False

    def beat(self, number: int, news: dict[str, Any]) -> bool:
        """Receive a report from a job, and return whether it must stop."""
        self.heard[number] = news
        return self.stopping

    def all(self, ended: list[int]) -> dict[int, dict[str, Any]]:
        """Return the last reports, and forget the jobs that have ended."""
        for number in ended:
            self.heard.pop(number, None)
        return self.heard

    def stop(self) -> None:
        """Tell every job to stop when it reports next."""
        self.stopping = True


class Sender:
    """The sender in a job, which reports its pulse to the actor and knows whether to stop."""

    def __init__(self, actor: Any, number: int, where: dict[str, Any]):
        self.actor, self.number, self.where = actor, number, where
        self.pulse, self.asked = Pulse(), False

    @contextlib.contextmanager
    def sending(self) -> Iterator[None]:
        ended = threading.Event()

        def send() -> None:
            while not ended.is_set():
                self._send()
                ended.wait(SECONDS)

        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(END_SECONDS)

    def news(self) -> dict[str, Any]:
        """Return the current pulse and the name of the machine."""
        return self.where | ages(self.pulse)

    def _send(self) -> None:
        answer = self.actor.beat.remote(self.number, self.news())
        answer.future().add_done_callback(self._hear)

    def _hear(self, answer: Any) -> None:
        with contextlib.suppress(Exception):  # if the actor is gone, so is the driver, and Ray ends this worker
            self.asked = self.asked or answer.result()


def ages(pulse: Pulse) -> dict[str, Any]:
    """Return a pulse independent of clocks: each of its times as seconds ago, None for one that has not occurred."""
    now, numbers = time.monotonic(), list(pulse.numbers)
    times = {name: now - numbers[name] if numbers[name] else None for name in (BEGUN, SINCE, LAST)}
    return {"first": numbers[FIRST], "step": numbers[STEP], "ages": times}


class Heard(Pulse):
    """The last reported pulse of a job on another machine. A job that has not begun is never quiet.

    node: Ray's name of the machine; None before it is known.
    """

    def __init__(self) -> None:
        super().__init__()
        self.where = WAITING
        self.node: str | None = None

    def hear(self, news: dict[str, Any], names: Mapping[str, str]) -> None:
        """Take over a report.

        news: the report.
        names: Ray's name of a machine -> the name to show, if it is not the machine's own.
        """
        now = time.monotonic()
        self.node = news["node"]
        self.where = names.get(news["node"], news["where"])
        self.numbers[FIRST], self.numbers[STEP] = news["first"], news["step"]
        for name, ago in news["ages"].items():
            self.numbers[name] = 0.0 if ago is None else now - ago

    def quiet(self) -> float:
        return super().quiet() if self.node else 0.0

    def worked(self) -> float:
        return super().worked() if self.node else 0.0
