"""Hold two nodes of one core each on the loop-back device, for tests and for `bench speed cluster`.

As a program, this module holds the nodes until its input ends. The second node stands for another machine: it has its
own folder for temporary files, which the first does not see, on a file system of its own if a size is given.
"""

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

from harness.errors import BenchError

# On 127.0.0.1 alone, and workers that give way to nobody.
LOOPBACK = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
}
LOSE, JOIN, STORE = "lose", "join", 80_000_000
PATIENCE = 8  # times the 30 s that Ray gives a node to start, which cannot be set and are too few on a busy machine
START_SECONDS, LOSE_SECONDS, END_SECONDS = 500.0, 30.0, 30.0  # on a busy machine


class Nodes:
    """The two nodes.

    address: of the cluster.
    second: the process of the second node, whose children are its workers.
    """

    def __init__(self, program: subprocess.Popen[str]):
        assert program.stdin is not None and program.stdout is not None
        self.program, self.input, self.output = program, program.stdin, program.stdout
        self.address = self._line(START_SECONDS).strip()
        self.second = self._joined()

    def lose(self) -> None:
        """Kill the second node, with all that runs there."""
        self._order(LOSE)
        self._line(LOSE_SECONDS)

    def join(self, room: int | None = None) -> None:
        """Start a second node in the place of a lost one.

        room: the size in bytes of the file system for its temporary files; None uses a folder. Raises BenchError if
            this machine does not let the user mount one.
        """
        self._order(f"{JOIN} {room or 0}")
        self.second = self._joined()

    def _joined(self) -> int:
        told = self._line(START_SECONDS).strip()
        if not told.isdecimal():
            raise BenchError(told)
        return int(told)

    def _order(self, words: str) -> None:
        self.input.write(f"{words}\n")
        self.input.flush()

    def _line(self, seconds: float) -> str:
        ready, _, _ = select.select([self.output], [], [], seconds)
        line = self.output.readline() if ready else ""
        if not line:
            raise BenchError(
                f"the nodes {'have ended' if ready else 'said nothing'}; Ray has said why on standard error"
            )
        return line


@contextlib.contextmanager
def nodes() -> Iterator[Nodes]:
    """Start the two nodes, and end them after the context.

    Their temporary files lie where paths are short, because the path of a socket has at most 107 bytes.
    """
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
    print(cluster.address, file=output, flush=True)
    mounted: list[Path] = []

    def join(room: int) -> Any:
        apart = Path(tempfile.mkdtemp(dir=folder))
        if room:
            command = ["mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", str(apart)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                print(f"no file system of its own for a node: {done.stderr.strip()}", file=output, flush=True)
                return None
            mounted.append(apart)
        os.environ["TMPDIR"] = str(apart)
        while sum(found["Alive"] for found in cluster.global_state.node_table()) > 1:
            time.sleep(0.5)  # a lost node is still listed for some seconds, and a new command would ask it
        made = cluster.add_node(**node)
        print(made.all_processes[PROCESS_TYPE_RAYLET][0].process.pid, file=output, flush=True)
        return made

    try:
        second = join(0)
        for line in sys.stdin:
            order, *words = line.split()
            if order == JOIN:
                second = join(int(words[0]))
            elif second is not None:
                cluster.remove_node(second, allow_graceful=False)
                print(LOSE, file=output, flush=True)
    finally:
        cluster.shutdown()
        for path in mounted:
            subprocess.run(["umount", "-l", str(path)], check=False)


def workers(title: str) -> list[int]:
    """Return the processes on this machine that Ray calls by the title of a job."""
    pids = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().split(b"\0")[0].decode(errors="replace")
        except OSError:
            continue
        if command.startswith(f"ray::{title}"):
            pids.append(int(path.parent.name))
    return pids


def parent(pid: int) -> int:
    """Return the parent of a process; 0 for a process that is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    except OSError:
        return 0


if __name__ == "__main__":
    main(Path(sys.argv[1]))
