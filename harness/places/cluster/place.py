"""Run jobs on the nodes of a Ray cluster: a few machines, an allocation of SLURM, or Kubernetes (extra `cluster`).

The code is sent along with what a job reads; a node needs the packages and, if a task names data, those data.
Checkpoints stay on the node, or in a folder that all nodes share. The job of a lost node continues from a shared
folder, and begins again otherwise; it ends with the same bits either way.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import time
from collections import Counter
from concurrent.futures import Future, wait
from functools import partial
from pathlib import Path
from typing import Any

from harness.errors import BenchError
from harness.places.cluster import node, same
from harness.places.cluster.beats import SECONDS, Beats, Heard
from harness.places.cluster.connect import amounts, fits
from harness.places.cluster.home import Home
from harness.places.cluster.on import STOP_SECONDS
from harness.places.errand import Errand
from harness.places.jobs import Job, Lost, Outcome
from harness.places.local import Local
from harness.places.pulse import Pulse

BEGIN_SECONDS = 900.0  # in which a node must begin a job while none runs, e.g. because others hold all cores
HELD = "`ray status` says what holds the cores"
NODE_LABEL = "ray.io/node-id"  # Ray gives it to every node
LARGEST = 10_000_000  # bytes of a file that is sent through Ray; larger ones must be where the nodes see them


class Cluster:
    """A `Place` on a cluster. Jobs that cannot be sent run on this machine, one at a time.

    ray: the package Ray with a connection.
    names: the names of its nodes.
    log: the file for what the jobs printed, which is written when each has ended.
    """

    tries = 4

    def __init__(self, ray: Any, root: Path, home: Home, names: dict[str, str], log: Path):
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        self.ray, self.root, self.home, self.names, self.log = ray, root, home, names, log
        self.local = Local(1, log)
        self.affinity = NodeAffinitySchedulingStrategy
        self.numbers = itertools.count()
        self.running: dict[Future[Outcome], Sent] = {}
        self.ended: list[int] = []  # numbers of jobs that the actor need not keep
        self.last: dict[Job, str] = {}  # the node of a job before its worker was lost
        self.files: dict[tuple[Path, int], Any] = {}
        self.asked: Future[dict[int, dict[str, Any]]] | None = None
        self.asked_at = self.counted_at = -math.inf
        self.moved_at = time.monotonic()
        self.alive: list[dict[str, Any]] = []
        self.full: set[str] = set()  # nodes whose disk is full

    def __enter__(self) -> Cluster:
        self.local.__enter__()
        # It runs beside the driver, so that it lives as long as the driver.
        beside = self.affinity(self.ray.get_runtime_context().get_node_id(), soft=False)
        self.beats = self.ray.remote(Beats).options(num_cpus=0, scheduling_strategy=beside).remote()
        return self

    def room(self, job: Job) -> bool:
        """Accept jobs until one more was sent than fits on all nodes, so that no node waits for this machine."""
        if job.sent is None:
            return self.local.room(job)
        self._sort_out()
        taken: Counter[str] = Counter()
        for sent in self.running.values():
            taken.update(amounts(sent.job.takes))
        return not self.running or all(taken[name] <= self._there_is(name) for name in amounts(job.takes))

    def submit(self, job: Job) -> Future[Outcome]:
        """Send a job; the future raises Lost if the worker or its node was lost."""
        if job.sent is None:
            return self.local.submit(job)
        future: Future[Outcome] = Future()
        self.moved_at = time.monotonic()
        try:
            self._check_disks(job)
            errand = job.sent()
            files = {path: self._put(path) for path in errand.files(self.root)}
        except BenchError as error:
            future.set_result(Outcome(failure=str(error)))
            self.running[future] = Sent(job, -1, None)
            return future
        number = next(self.numbers)
        ref = self._task(job).remote(errand, self.home, files, same.make(), self.beats, number)
        self.running[future] = Sent(job, number, ref)
        ref.future().add_done_callback(partial(self._settle, future, errand, job))
        return future

    def pulse(self, future: Future[Outcome]) -> Pulse:
        """Return the last reported pulse; the actor is asked for all pulses once a second."""
        if future not in self.running:
            return self.local.pulse(future)
        self._listen()
        return self.running[future].pulse

    def end(self, future: Future[Outcome]) -> None:
        """Kill the worker of a job."""
        if future not in self.running:
            self.local.end(future)
        elif (ref := self.running[future].ref) is not None:
            self.ray.cancel(ref, force=True)

    def __exit__(self, *problem: object) -> None:
        """Stop what is still running, at a checkpoint if there is time for one."""
        self.local.__exit__(*problem)
        left = [future for future in self.running if not future.done()]
        if left:
            self.beats.stop.remote()
            wait(left, STOP_SECONDS)
        for future in left:
            if not future.done():
                self.end(future)

    def _task(self, job: Job) -> Any:
        asked = amounts(job.takes)
        options: dict[str, Any] = {
            "name": job.title,
            "num_cpus": asked.get("CPU", 0),
            "num_gpus": asked.get("GPU", 0),
            "max_retries": 0,  # the loop tries again, and says so
            "scheduling_strategy": "SPREAD",
        }
        if memory := asked.get("memory"):
            options["memory"] = int(memory)
        if self.last.get(job, "") not in {"", *self.full}:  # its checkpoints are there, if that node still exists
            options["scheduling_strategy"] = self.affinity(self.last[job], soft=True)
        elif self.full:
            options["label_selector"] = {NODE_LABEL: f"!in({', '.join(sorted(self.full))})"}
        if self._there_is("GPU") and not job.takes.gpus and "BENCH_DEVICE" not in os.environ:
            options["runtime_env"] = {"env_vars": {"BENCH_DEVICE": "cpu"}}
        return self.ray.remote(node.run).options(**options)

    def _put(self, path: Path) -> Any:
        """Return a reference to the content of a file, or to None if the nodes see it in the shared folder."""
        stamp = (path, (self.root / path).stat().st_mtime_ns)
        if stamp not in self.files:
            content: bytes | None = (self.root / path).read_bytes()
            if content is not None and len(content) > LARGEST:
                if self.home.shared is None:
                    size = f"{len(content) / 1e6:.0f} MB"
                    raise BenchError(
                        f"{path} has {size}, too much to send to every node: give --shared, a folder they see"
                    )
                self.home.lay({path: content})
                content = None
            self.files[stamp] = self.ray.put(content)
        return self.files[stamp]

    def _settle(self, future: Future[Outcome], errand: Errand, job: Job, answer: Future[tuple[bytes, str]]) -> None:
        """Pass on the outcome of a job, in a thread of Ray."""
        try:
            future.set_result(self._outcome(errand, answer.result(), self.running[future].pulse))
        except BenchError as error:
            future.set_result(Outcome(failure=str(error)))
        except Lost as error:
            future.set_exception(error)
        except self.ray.exceptions.RayTaskError as error:  # outside the errand itself, e.g. in an import
            future.set_result(Outcome(failure=" ".join(str(error.cause).split()) or str(error)))
        except self.ray.exceptions.LocalRayletDiedError:
            gone = "Ray has stopped on this machine: start the cluster again and run the same command to continue"
            future.set_exception(BenchError(gone))
        except Exception as error:
            pulse = self.running[future].pulse
            if pulse.node:
                self.last[job] = pulse.node
            where = f" on {pulse.where}" if pulse.node else ""
            future.set_exception(Lost(f"its worker{where} was lost ({type(error).__name__})"))

    def _outcome(self, errand: Errand, answer: tuple[bytes, str], pulse: Heard) -> Outcome:
        found = node.opened(*answer)
        pulse.hear(found.news, self.names)
        if found.said:
            with self.log.open("a", encoding="utf-8") as log:
                log.write(found.said)
        if found.stopped:
            raise Lost("it was told to stop")
        if found.full and self.home.shared is None and pulse.node:
            self.full.add(pulse.node)
            raise Lost(f"the disk of {pulse.where} is full, so no more blocks go there")
        if found.outcome.failure is None and (fault := errand.fault(found.outcome.value)):
            raise BenchError(fault)
        return found.outcome

    def _check_disks(self, job: Job) -> None:
        """Raise BenchError if only nodes with a full disk have what a job takes, because it would wait for ever."""
        if self.full and not fits([found for found in self._nodes() if found["NodeID"] not in self.full], job.takes):
            names = ", ".join(sorted(self.names.get(name, name) for name in self.full))
            raise BenchError(f"no other node can take it, and the disk is full on {names}: free space and run again")

    def _check_begun(self) -> None:
        """Raise BenchError if no node has begun any of the jobs for too long."""
        now = time.monotonic()
        if any(sent.pulse.node for sent in self.running.values()):
            self.moved_at = now
        elif now - self.moved_at > BEGIN_SECONDS:
            alive = self._nodes()
            lacking = [sent.job.title for sent in self.running.values() if not fits(alive, sent.job.takes)]
            why = f"none that is left has what {lacking[0]} takes, so start one" if lacking else HELD
            raise BenchError(
                f"no node has begun a block for {BEGIN_SECONDS:g} s: {why}; run the same command to continue"
            )

    def _listen(self) -> None:
        self._check_begun()
        if self.asked is not None and self.asked.done():
            with contextlib.suppress(Exception):  # it will be asked again
                heard = self.asked.result()
                for sent in self.running.values():
                    if sent.number in heard:
                        sent.pulse.hear(heard[sent.number], self.names)
            self.asked = None
        if self.asked is None and time.monotonic() - self.asked_at > SECONDS:
            self.asked_at = time.monotonic()
            self.asked = self.beats.all.remote(self.ended).future()
            self.ended = []

    def _there_is(self, name: str) -> float:
        """Return the amount of a resource on all nodes together."""
        return sum(found["Resources"].get(name, 0.0) for found in self._nodes())

    def _nodes(self) -> list[dict[str, Any]]:
        """Return the nodes that are alive, which may change."""
        if time.monotonic() - self.counted_at > SECONDS:
            self.counted_at, self.alive = time.monotonic(), [found for found in self.ray.nodes() if found["Alive"]]
        return self.alive

    def _sort_out(self) -> None:
        for future in [future for future in self.running if future.done()]:
            self.ended.append(self.running.pop(future).number)


class Sent:
    """A job that was sent: its number, Ray's reference to its answer, and its pulse."""

    def __init__(self, job: Job, number: int, ref: Any):
        self.job, self.number, self.ref, self.pulse = job, number, ref, Heard()
