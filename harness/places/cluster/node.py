"""What runs on a node, in a worker of Ray: an errand, and what comes back of it under a digest."""

from __future__ import annotations

import contextlib
import hashlib
import io
import pickle
import socket
import sys
import time
import traceback
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from harness.errors import BenchError
from harness.places.cluster import same
from harness.places.cluster.beats import Sender
from harness.places.cluster.home import Home
from harness.places.errand import Errand, There
from harness.places.jobs import Outcome

PATIENCE = 180.0  # seconds for the lock of a lost node to be given up by a shared folder
IN_USE = "in use by another run"
LINES = 200  # of what a job printed, the last ones


@dataclass(frozen=True)
class Answer:
    """What an errand came to, and its last beat. said: its last lines, for the log; stopped: it was told to."""

    outcome: Outcome
    news: dict[str, Any]
    said: str = ""
    stopped: bool = False


def whoami() -> tuple[str, str, same.Make]:
    """Name of this machine, Ray's own name of it, and what it runs."""
    return *names(), same.make()


def run(
    errand: Errand, home: Home, files: Mapping[Path, Any], ours: same.Make, actor: Any, number: int
) -> tuple[bytes, str]:
    """Do an errand; returns a pickled `Answer` and the SHA-256 of it.

    files: path below the root -> reference to its content. actor: of `beats`, which knows the errand by its number.
    """
    import ray

    here, node = names()
    sender = Sender(actor, number, {"where": here, "node": node})
    lines: deque[str] = deque(maxlen=LINES)
    stopped, failure, value = False, None, None
    with _kept(lines), sender.sending():
        try:
            if wrong := same.difference(same.make(), ours):
                raise BenchError(f"node {here} {wrong}")
            root = home.lay(dict(zip(files, ray.get([*files.values()]))))
            there = There(here, root, sender.pulse, lambda: sender.asked)
            home.with_data(root, errand.task_params, lambda: errand.load(root))
            value = _done(errand, there, PATIENCE if home.shared else 0.0)
        except KeyboardInterrupt:
            stopped = True
        except BaseException as error:
            if not isinstance(error, BenchError):
                lines.append(traceback.format_exc())
            failure = f"{' '.join(str(error).split()) or type(error).__name__} (on {here})"
    content = pickle.dumps(Answer(Outcome(value, failure), sender.news(), "".join(lines), stopped))
    return content, hashlib.sha256(content).hexdigest()


def opened(content: bytes, told: str) -> Answer:
    """On the driver. Raises BenchError where the content is not what was sent."""
    if hashlib.sha256(content).hexdigest() != told:
        raise BenchError("what came back was damaged on its way: run the same command again")
    return pickle.loads(content)


def names() -> tuple[str, str]:
    """Of this machine: its own, and Ray's."""
    import ray

    return socket.gethostname(), ray.get_runtime_context().get_node_id()


def _done(errand: Errand, there: There, patience: float) -> Any:
    """What the errand gives; a folder that another run holds is waited for, as a lost node's lock may outlive it."""
    until = time.monotonic() + patience
    while True:
        try:
            return errand.do(there)
        except BenchError as error:
            if IN_USE not in str(error) or time.monotonic() > until:
                raise
            time.sleep(1)


@contextlib.contextmanager
def _kept(lines: deque[str]) -> Iterator[None]:
    """Within, what is printed is kept in `lines` too."""
    with contextlib.redirect_stdout(Tee(sys.stdout, lines)), contextlib.redirect_stderr(Tee(sys.stderr, lines)):
        yield


class Tee(io.TextIOBase):
    """Text for a stream that is kept as well, line by line."""

    def __init__(self, stream: TextIO, lines: deque[str]):
        self.stream, self.lines, self.begun = stream, lines, ""

    def write(self, text: str) -> int:
        *whole, self.begun = f"{self.begun}{text}".split("\n")
        self.lines.extend(f"{line}\n" for line in whole)
        return self.stream.write(text)

    def flush(self) -> None:
        self.stream.flush()
