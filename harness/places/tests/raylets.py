"""Two nodes of one core each on the loop-back device, for tests; as a program it holds them until its input ends."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

# On 127.0.0.1 alone, and workers that give way to nobody.
LOOPBACK = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
}
LOSE, STORE = "lose", 80_000_000
PATIENCE = 8  # times the 30 s that Ray gives a node to start, which cannot be set and are too few on a busy machine
START_SECONDS, LOSE_SECONDS, END_SECONDS = 500.0, 30.0, 30.0  # on a busy machine


class Nodes:
    """address: of the cluster. second: the process of the second node, whose children are its workers."""

    def __init__(self, program: subprocess.Popen[str]):
        assert program.stdin is not None and program.stdout is not None
        self.program, self.input, self.output = program, program.stdin, program.stdout
        told = self._line(START_SECONDS).split()
        self.address, self.second = told[0], int(told[1])

    def lose(self) -> None:
        """Kill the second node, with all that runs there."""
        self.input.write(f"{LOSE}\n")
        self.input.flush()
        assert self._line(LOSE_SECONDS) == f"{LOSE}\n"

    def _line(self, seconds: float) -> str:
        ready, _, _ = select.select([self.output], [], [], seconds)
        line = self.output.readline() if ready else ""
        assert line, f"the nodes {'have ended' if ready else 'said nothing'}; Ray has said why on standard error"
        return line


@contextlib.contextmanager
def nodes() -> Iterator[Nodes]:
    """Their own temporary files lie where paths are short: those of a socket have at most 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        environment = os.environ | LOOPBACK | {"TMPDIR": folder}
        command = [sys.executable, "-m", __name__, folder]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment, text=True) as program:
            assert program.stdin is not None
            try:
                yield Nodes(program)
            finally:
                program.stdin.close()
                try:
                    program.wait(END_SECONDS)
                finally:
                    program.kill()


def main(folder: Path) -> None:
    from ray._private import node as starter
    from ray._private.ray_constants import PROCESS_TYPE_RAYLET
    from ray.cluster_utils import Cluster

    vars(starter)["time"] = SimpleNamespace(**vars(time) | {"monotonic": lambda: time.monotonic() / PATIENCE})
    node: dict[str, Any] = {"num_cpus": 1, "object_store_memory": STORE, "include_log_monitor": False}
    head = node | {"include_dashboard": False, "no_monitor": True, "temp_dir": str(folder / "ray")}
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # Ray prints as it likes
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        apart = folder / "second"  # as if it were another machine, whose temporary files the first does not see
        apart.mkdir()
        os.environ["TMPDIR"] = str(apart)
        second = cluster.add_node(**node)
        raylet = second.all_processes[PROCESS_TYPE_RAYLET][0].process
        print(cluster.address, raylet.pid, file=output, flush=True)
        for _ in sys.stdin:
            cluster.remove_node(second, allow_graceful=False)
            print(LOSE, file=output, flush=True)
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
