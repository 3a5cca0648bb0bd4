"""The way into a running Ray cluster: what is wrong with it is told in a line before anything runs."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from harness import registry
from harness.errors import BenchError
from harness.places.cluster import node, same
from harness.places.cluster.on import On
from harness.plan.resources import Resources
from harness.run.pins import PINS

LISTEN_SECONDS = 10.0
NODE_SECONDS = 120.0  # for a node to unpack the code and start a worker
KEPT = ("BENCH_", "OMP_", "MKL_", "OPENBLAS_", "GOMP_", "ATEN_", "CUBLAS_", "RAY_AUTH_")
SHIPPED = same.CODE
NAMESPACE = "vdb-bench"
HOW = "`ray start --head` starts one, see docs/many-machines.md"


def listening(on: On) -> Any:
    """The package Ray, and something that listens where it is to be. Raises BenchError at once where either is not."""
    if on.address.startswith("ray://"):
        raise BenchError(
            f"--on {on.address}: Ray's client loses a run when its connection stumbles: give HOST:PORT of the cluster, "
            "on one of its machines"
        )
    if on.shared is not None and not on.shared.is_dir():
        raise BenchError(f"--shared {on.shared} is no folder: make it, where every node sees it")
    os.environ.setdefault("RAY_DEDUP_LOGS", "0")  # takes lines for equal that differ in a number
    try:
        import ray
    except ImportError:
        raise BenchError("--on needs Ray: pip install -e '.[cluster]', here and on every node") from None
    if on.address != "auto":  # which ray.init would wait for, minutes long
        host, _, port = on.address.rpartition(":")
        if not host or not port.isdecimal():
            raise BenchError(f"--on {on.address}: must be HOST:PORT of a running Ray cluster, or auto")
        try:
            socket.create_connection((host, int(port)), LISTEN_SECONDS).close()
        except (OSError, OverflowError) as error:
            raise BenchError(f"no Ray cluster at {on.address} ({error}): {HOW}") from None
    return ray


@contextlib.contextmanager
def connected(on: On) -> Iterator[Any]:
    """Within, the package Ray with a connection to the cluster; every job in it runs the code of this tree."""
    ray = listening(on)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with _code() as folder:
        environment = {"working_dir": str(folder), "env_vars": variables()}
        try:
            ray.init(
                on.address, namespace=NAMESPACE, logging_level="error", log_to_driver=False, runtime_env=environment
            )
        except Exception as error:  # whatever it says of a cluster that is none, of another version or another token
            raise BenchError(f"no Ray cluster at {on.address} ({' '.join(str(error).split())[:200]}): {HOW}") from None
        for number, handler in handlers.items():  # Ray's own prints a stack of C++
            with contextlib.suppress(ValueError):  # not in the main thread
                signal.signal(number, handler)
        try:
            yield ray
        finally:
            ray.shutdown()


def alike(ray: Any) -> dict[str, str]:
    """Ray's name of each node -> a name to tell it by. Raises BenchError for one with other packages or code."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    ask = ray.remote(num_cpus=0, max_retries=1)(node.whoami)
    alive = [found["NodeID"] for found in ray.nodes() if found["Alive"]]
    asked = [
        ask.options(scheduling_strategy=NodeAffinitySchedulingStrategy(name, soft=False)).remote() for name in alive
    ]
    try:
        answers = ray.get(asked, timeout=NODE_SECONDS)
    except Exception as error:
        raise BenchError(f"a node does not answer: {' '.join(str(error).split())[-300:]}; see `ray status`") from None
    for host, _, make in answers:
        if wrong := same.difference(make, same.make()):
            raise BenchError(f"node {host} {wrong}")
    hosts = [host for host, _, _ in answers]
    return {name: host if hosts.count(host) == 1 else f"{host}/{name[:4]}" for host, name, _ in answers}


def fitting(ray: Any, wanted: Collection[tuple[str, Resources]]) -> None:
    """Raises BenchError for a task, (name, resources), of which a block fits on no node: it would wait for ever."""
    nodes = [found["Resources"] for found in ray.nodes() if found["Alive"]]
    for task, takes in wanted:
        asked = amounts(takes)
        if not any(all(node.get(name, 0.0) >= amount for name, amount in asked.items()) for node in nodes):
            most = "; ".join(dict.fromkeys(_told(found) for found in nodes))
            raise BenchError(
                f"resources.{task}: a block takes {_told(asked)}, more than any node has ({most}): ask for less, or "
                "start a larger node first"
            )


def amounts(takes: Resources) -> dict[str, float]:
    """By Ray's names; memory in bytes."""
    asked = {"CPU": takes.cpus or 1.0, "GPU": takes.gpus, "memory": (takes.memory or 0.0) * 1e9}
    return {name: amount for name, amount in asked.items() if amount}


def variables() -> dict[str, str]:
    """What a worker's environment takes from this one: settings of this project, and the pins of the bit-exact tier."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
    return PINS | kept


def _told(amounts: dict[str, float]) -> str:
    told = [f"{amounts.get('CPU', 0.0):g} CPUs", f"{amounts.get('GPU', 0.0):g} GPUs"]
    if memory := amounts.get("memory"):
        told.append(f"{memory / 1e9:.1f} GB")
    return ", ".join(told)


@contextlib.contextmanager
def _code() -> Iterator[Path]:
    """A folder with the code alone: what Ray ships is found by its content, and the tree holds more than that."""
    with tempfile.TemporaryDirectory(prefix="bench-code-") as folder:
        for name in SHIPPED:
            shutil.copytree(registry.ROOT / name, Path(folder, name), ignore=shutil.ignore_patterns("__pycache__"))
        yield Path(folder)
