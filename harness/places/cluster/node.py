"""Run an errand on a node, in a worker of Ray, and return its result with a digest."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
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
from harness.places.memory import disk_full
from harness.run.pins import pins

FETCH_SECONDS = 600.0  # in which the files of an errand must arrive
PATIENCE = 180.0  # seconds in which a shared folder releases the lock of a lost node
IN_USE = "in use by another run"
LINES = 200  # the last lines of what a job printed


@dataclass(frozen=True)
class Answer:
    """The outcome of an errand, and its last beat.

    said: the last lines that it printed, for the log.
    stopped: whether it was told to stop.
    full: whether it failed because a disk of the node is full.
    """

    outcome: Outcome
    news: dict[str, Any]
    said: str = ""
    stopped: bool = False
    full: bool = False


def whoami() -> tuple[str, str, same.Make]:
    """Return the name of this machine, Ray's name of it, and the packages and code that it runs."""
    return *names(), same.make()


def run(
    errand: Errand, home: Home, files: Mapping[Path, Any], ours: same.Make, actor: Any, number: int
) -> tuple[bytes, str]:
    """Do an errand, and return a pickled `Answer` and its SHA-256.

    errand: the errand.
    home: the folder in which this node works.
    files: path below the root -> reference to its content.
    ours: the packages and code of the driver.
    actor: the actor of `beats`.
    number: the number by which the actor knows the errand.
    """
    os.environ.update(pins())  # of this machine, whose processor may be another than the driver's
    here, node = names()
    sender = Sender(actor, number, {"where": here, "node": node})
    lines: deque[str] = deque(maxlen=LINES)
    stopped, full, failure, value = False, False, None, None
    with _kept(lines), sender.sending():
        try:
            if wrong := same.difference(same.make(), ours):
                raise BenchError(f"node {here} {wrong}")
            root = home.lay(dict(zip(files, _fetched([*files.values()]))))
            there = There(here, root, sender.pulse, lambda: sender.asked)
            home.with_data(root, errand.task_params, lambda: errand.load(root))
            value = _done(errand, there, PATIENCE if home.shared else 0.0)
        except KeyboardInterrupt:
            stopped = True
        except BaseException as error:
            if not isinstance(error, BenchError):
                lines.append(traceback.format_exc())
            full = disk_full(error)
            failure = f"{' '.join(str(error).split()) or type(error).__name__} (on {here})"
    content = pickle.dumps(Answer(Outcome(value, failure), sender.news(), "".join(lines), stopped, full))
    return content, hashlib.sha256(content).hexdigest()


def opened(content: bytes, told: str) -> Answer:
    """Unpickle an answer on the driver. Raises BenchError if the content is not what was sent."""
    if hashlib.sha256(content).hexdigest() != told:
        raise BenchError("what came back was damaged on its way: run the same command again")
    return pickle.loads(content)


def names() -> tuple[str, str]:
    """Return the name of this machine, and Ray's name of it."""
    import ray

    return socket.gethostname(), ray.get_runtime_context().get_node_id()


def _fetched(references: list[Any]) -> list[Any]:
    import ray

    try:
        return ray.get(references, timeout=FETCH_SECONDS)
    except ray.exceptions.GetTimeoutError:
        raise BenchError(f"its files did not arrive within {FETCH_SECONDS:g} s") from None


def _done(errand: Errand, there: There, patience: float) -> Any:
    """Return the result of the errand.

    A folder that another run holds is waited for, because the lock of a lost node may outlive it.
    """
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
    """Keep what is printed within the context in `lines` too."""
    with contextlib.redirect_stdout(Tee(sys.stdout, lines)), contextlib.redirect_stderr(Tee(sys.stderr, lines)):
        yield


class Tee(io.TextIOBase):
    """A text stream that also keeps its lines."""

    def __init__(self, stream: TextIO, lines: deque[str]):
        self.stream, self.lines, self.begun = stream, lines, ""

    def write(self, text: str) -> int:
        *whole, self.begun = f"{self.begun}{text}".split("\n")
        self.lines.extend(f"{line}\n" for line in whole)
        return self.stream.write(text)

    def flush(self) -> None:
        self.stream.flush()
