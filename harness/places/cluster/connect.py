"""Connect to a running Ray cluster, and report in one line what is wrong with it before anything runs."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness import registry
from harness.errors import BenchError
from harness.places.cluster import node, same
from harness.places.cluster.on import On
from harness.plan.resources import Resources
from harness.run.pins import PINS

LISTEN_SECONDS = 10.0
TRIES = "2"  # of Ray to connect, 40 s each, not its usual 20
NODE_SECONDS = 120.0  # for a node to unpack the code and start a worker
KEPT = ("BENCH_", "OMP_", "MKL_", "OPENBLAS_", "GOMP_", "ATEN_", "CUBLAS_", "RAY_AUTH_")
LOOPBACK = "set RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=0 here too if it is on the loop-back device alone"
LOCAL = ("localhost", "127.0.0.1", "::1", "[::1]")
SHIPPED = same.CODE
NAMESPACE = "vdb-bench"
HOW = "`ray start --head` starts one, see docs/many-machines.md"


def listening(on: On) -> Any:
    """Return the package Ray once something listens at the address. Raises BenchError at once if either is missing."""
    if on.address.startswith("ray://"):
        raise BenchError(
            f"--on {on.address}: Ray's client loses a run when its connection stumbles: give HOST:PORT of the cluster, "
            "on one of its machines"
        )
    if on.shared is not None and not on.shared.is_dir():
        raise BenchError(f"--shared {on.shared} is no folder: make it, where every node sees it")
    os.environ.setdefault("RAY_DEDUP_LOGS", "0")  # it would treat lines that differ in a number as equal
    os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", TRIES)
    try:
        import ray
    except ImportError:
        raise BenchError("--on needs Ray: pip install -e '.[cluster]', here and on every node") from None
    if on.address != "auto":  # ray.init would wait for it for minutes
        host, _, port = on.address.rpartition(":")
        if not host or not port.isdecimal():
            raise BenchError(f"--on {on.address}: must be HOST:PORT of a running Ray cluster, or auto")
        meant = ray.util.get_node_ip_address() if host in LOCAL else host  # by Ray, which may then hear nothing there
        told, how = on.address, HOW
        if meant != host:
            told, how = f"{told}, which Ray takes for {meant}:{port}", f"{HOW}; {LOOPBACK}"
        try:
            socket.create_connection((meant, int(port)), LISTEN_SECONDS).close()
        except (OSError, OverflowError) as error:
            raise BenchError(f"no Ray cluster at {told} ({error}): {how}") from None
    return ray


@contextlib.contextmanager
def connected(on: On) -> Iterator[Any]:
    """Connect to the cluster within the context; every job in it runs the code of this tree."""
    ray = listening(on)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with _code() as folder:
        environment = {"working_dir": str(folder), "env_vars": variables()}
        try:
            ray.init(
                on.address, namespace=NAMESPACE, logging_level="error", log_to_driver=False, runtime_env=environment
            )
        except Exception as error:  # Ray raises many kinds for a missing cluster, another version or another token
            raise BenchError(f"no Ray cluster at {on.address} ({' '.join(str(error).split())[:200]}): {HOW}") from None
        for number, handler in handlers.items():  # Ray's own handler prints a C++ stack
            with contextlib.suppress(ValueError):  # outside the main thread
                signal.signal(number, handler)
        try:
            yield ray
        finally:
            ray.shutdown()


def alike(ray: Any) -> dict[str, str]:
    """Return the name to show of each node by Ray's name. Raises BenchError for a node with other packages or code.

    A node that was just lost is listed as alive for some seconds more. It is left out once the cluster has noticed.
    """
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    ask = ray.remote(num_cpus=0, max_retries=1)(node.whoami)
    asked = {
        name: ask.options(scheduling_strategy=NodeAffinitySchedulingStrategy(name, soft=False)).remote()
        for name in _alive(ray)
    }
    until = time.monotonic() + NODE_SECONDS
    hosts: dict[str, str] = {}
    for name, answer in asked.items():
        try:
            hosts[name], _, make = ray.get(answer, timeout=max(until - time.monotonic(), 0.0))
        except Exception as error:
            if name not in _alive(ray):
                continue
            raise BenchError(
                f"a node does not answer: {' '.join(str(error).split())[-300:]}; see `ray status`"
            ) from None
        if wrong := same.difference(make, same.make()):
            raise BenchError(f"node {hosts[name]} {wrong}")
    several = Counter(hosts.values())
    return {name: host if several[host] == 1 else f"{host}/{name[:4]}" for name, host in hosts.items()}


def fitting(ray: Any, wanted: Collection[tuple[str, Resources]]) -> None:
    """Raise BenchError for a task of which a block fits on no node, because it would wait for ever.

    wanted: (name, resources) of each task.
    """
    nodes = list(_alive(ray).values())
    for task, takes in wanted:
        if not fits(nodes, takes):
            most = "; ".join(dict.fromkeys(_told(found["Resources"]) for found in nodes))
            raise BenchError(
                f"resources.{task}: a block takes {_told(amounts(takes))}, more than any node has ({most}): ask "
                "for less, or start a larger node first"
            )


def fits(nodes: Iterable[Mapping[str, Any]], takes: Resources) -> bool:
    """Return whether one of the nodes has as much as a job takes."""
    asked = amounts(takes)
    return any(all(found["Resources"].get(name, 0.0) >= amount for name, amount in asked.items()) for found in nodes)


def amounts(takes: Resources) -> dict[str, float]:
    """Return resources by Ray's names, with memory in bytes."""
    asked = {"CPU": takes.cpus or 1.0, "GPU": takes.gpus, "memory": (takes.memory or 0.0) * 1e9}
    return {name: amount for name, amount in asked.items() if amount}


def variables() -> dict[str, str]:
    """Return the variables that workers get: settings of this project, and those pins that are the same everywhere."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
    return PINS | kept


def _alive(ray: Any) -> dict[str, Mapping[str, Any]]:
    """Return what Ray tells of each node that is listed as alive, by Ray's name."""
    return {found["NodeID"]: found for found in ray.nodes() if found["Alive"]}


def _told(amounts: dict[str, float]) -> str:
    told = [f"{amounts.get('CPU', 0.0):g} CPUs", f"{amounts.get('GPU', 0.0):g} GPUs"]
    if memory := amounts.get("memory"):
        told.append(f"{memory / 1e9:.1f} GB")
    return ", ".join(told)


@contextlib.contextmanager
def _code() -> Iterator[Path]:
    """Yield a folder with only the code, because Ray ships a folder whole and the tree has more than code."""
    with tempfile.TemporaryDirectory(prefix="bench-code-") as folder:
        for name in SHIPPED:
            shutil.copytree(registry.ROOT / name, Path(folder, name), ignore=shutil.ignore_patterns("__pycache__"))
        yield Path(folder)
