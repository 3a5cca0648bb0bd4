"""What is to be done: jobs, what comes of them, where they come from, and where they are done."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import BrokenExecutor, Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from harness.places.pulse import Pulse
from harness.plan.resources import Resources

if TYPE_CHECKING:
    from harness.places.errand import Errand


ONE_CORE = Resources()


@dataclass(frozen=True, eq=False)
class Job:
    """run: called in another process, so it must be picklable; it beats the pulse that it is given at each of `steps`.

    cost: in steps times seeds, for the time that is left. first: others wait for it. sent: what another machine does in
    its place, asked for when it is to start; None: it is done on this one wherever the others are. takes: of a machine.
    """

    title: str
    run: Callable[[Pulse], Any]
    cost: float = 1.0
    steps: int = 0
    first: bool = False
    sent: Callable[[], Errand] | None = None
    takes: Resources = ONE_CORE


class Lost(BrokenExecutor):
    """The worker of a job was lost, or its machine; the message says which."""


@dataclass(frozen=True)
class Outcome:
    """What `run` returned, or the line that says why it did not."""

    value: Any = None
    failure: str | None = None


class Work(Protocol):
    """Gives the jobs that may start now, each once, and hears of each that has ended."""

    def ready(self) -> list[Job]: ...
    def done(self, job: Job, outcome: Outcome) -> None: ...


class Place(Protocol):
    """Where jobs run: processes of this machine (`Local`), or those of a cluster (`cluster.place.Cluster`).

    A place knows jobs only: that a cell waits for another is a matter of `Work`, which gives a job when it may start.
    It is a context, at whose end nothing of it runs any more.
    """

    @property
    def tries(self) -> int:
        """How many times a job is given to it whose workers are lost."""

    def room(self, job: Job) -> bool:
        """Whether it takes the job now."""

    def submit(self, job: Job) -> Future[Outcome]:
        """Start a job. What goes wrong in it is an Outcome; the future raises BrokenExecutor where the worker was lost.

        It is not tried again here: that is for the loop to decide.
        """

    def pulse(self, future: Future[Outcome]) -> Pulse:
        """How far a running job is. A place from which that comes late gives what it heard last."""

    def end(self, future: Future[Outcome]) -> None:
        """Kill a running job; its future raises BrokenExecutor then."""


class Listed:
    """Jobs that wait for nothing; their values in the order of the list."""

    def __init__(self, jobs: Iterable[Job]):
        self.jobs = list(jobs)
        self.left = list(self.jobs)
        self.values: dict[Job, Any] = {}

    def ready(self) -> list[Job]:
        now, self.left = self.left, []
        return now

    def done(self, job: Job, outcome: Outcome) -> None:
        self.values[job] = outcome.value

    def results(self) -> list[Any]:
        return [self.values[job] for job in self.jobs]
