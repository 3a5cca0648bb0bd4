"""How far the jobs on other machines are: each tells an actor beside the driver once a second, which the driver asks.

The answer to a beat says whether to stop. Nobody waits for any of this: Ray counts a worker that waits as one that
needs no core.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from harness.places.pulse import BEGUN, FIRST, LAST, SINCE, STEP, WAITING, Pulse

SECONDS = 1.0


class Beats:
    """The actor: what each job said last, by its number; no more is kept of a job that has ended."""

    def __init__(self) -> None:
        self.heard: dict[int, dict[str, Any]] = {}
        self.stopping = False

    def beat(self, number: int, news: dict[str, Any]) -> bool:
        """Hear from a job; whether it is to stop."""
        self.heard[number] = news
        return self.stopping

    def all(self, ended: list[int]) -> dict[int, dict[str, Any]]:
        """What was heard, without the jobs `ended`."""
        for number in ended:
            self.heard.pop(number, None)
        return self.heard

    def stop(self) -> None:
        """Answer every job from now on that it is to stop."""
        self.stopping = True


class Sender:
    """Tells the actor of a pulse from within its job, and has heard whether to stop."""

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
            thread.join()

    def news(self) -> dict[str, Any]:
        """The pulse as it is now, and where."""
        return self.where | ages(self.pulse)

    def _send(self) -> None:
        answer = self.actor.beat.remote(self.number, self.news())
        answer.future().add_done_callback(self._hear)

    def _hear(self, answer: Any) -> None:
        with contextlib.suppress(Exception):  # of an actor that is gone: so is the driver, and Ray ends this worker
            self.asked = self.asked or answer.result()


def ages(pulse: Pulse) -> dict[str, Any]:
    """A pulse without any clock: each of its times as seconds ago, None for one that has not come."""
    now, numbers = time.monotonic(), list(pulse.numbers)
    times = {name: now - numbers[name] if numbers[name] else None for name in (BEGUN, SINCE, LAST)}
    return {"first": numbers[FIRST], "step": numbers[STEP], "ages": times}


class Heard(Pulse):
    """The pulse of a job elsewhere, as it was heard last. A job that has not begun yet is never quiet.

    node: Ray's own name of the machine, None before it is known.
    """

    def __init__(self) -> None:
        super().__init__()
        self.where = WAITING
        self.node: str | None = None

    def hear(self, news: dict[str, Any], names: Mapping[str, str]) -> None:
        """names: Ray's name of a machine -> that by which it is told, where it is not its own."""
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
