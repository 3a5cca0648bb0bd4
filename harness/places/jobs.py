"""Define jobs, their outcomes, where they come from (Work) and where they run (Place)."""

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
    """A job.

    title: its name for readers.
    run: the function that does it in another process, so it must be picklable; it beats its pulse at each step.
    cost: its cost in steps times seeds, from which the time left is estimated.
    steps: the number of its steps.
    first: whether others wait for it.
    sent: a function that returns what another machine does in its place, called when it is to start; None if it must
        be done on this machine.
    takes: what it takes of a machine.
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
    """What `run` returned, or the line that says why it failed."""

    value: Any = None
    failure: str | None = None


class Work(Protocol):
    """A source of jobs, which gives each job once when it may start and is told of each that has ended."""

    def ready(self) -> list[Job]: ...
    def done(self, job: Job, outcome: Outcome) -> None: ...


class Place(Protocol):
    """A place where jobs run: processes of this machine (`Local`) or of a cluster (`cluster.place.Cluster`).

    A place knows only jobs: that a cell waits for another is the concern of `Work`, which gives a job when it may
    start. It is a context, after which none of its jobs is running.
    """

    @property
    def tries(self) -> int:
        """Return how many times a job whose worker was lost is submitted."""

    def room(self, job: Job) -> bool:
        """Return whether it accepts the job now."""

    def submit(self, job: Job) -> Future[Outcome]:
        """Start a job. An error in it is an Outcome; the future raises BrokenExecutor if the worker was lost.

        The job is not tried again here, because the loop decides that.
        """

    def pulse(self, future: Future[Outcome]) -> Pulse:
        """Return the progress of a running job, or the last report of it if reports come late."""

    def end(self, future: Future[Outcome]) -> None:
        """Kill a running job; its future raises BrokenExecutor then."""


class Listed:
    """A list of jobs that wait for nothing, with their values in the same order."""

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
