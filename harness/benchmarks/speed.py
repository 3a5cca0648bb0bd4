"""List all benchmarks by name, and run them for the command `bench speed`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from harness.benchmarks import (
    beside,
    cluster,
    convolutions,
    digests,
    fid,
    frechet,
    growth,
    idle,
    losses,
    memory,
    plain,
    stack,
    startup,
    steady,
    target,
    vdb_images,
)
from harness.benchmarks.record import FOLDER, Options, lines, write
from harness.errors import BenchError, unknown
from harness.report.records.measured import Record

WITH_PEER: dict[str, Callable[[Options], Iterator[Record]]] = {
    "gail": partial(beside.of_peer, algorithm="gail"),
    "gail-target": target.measure,
    "ppo": partial(beside.of_peer, algorithm="ppo"),
    "pytorch-fid": partial(fid.measure, peer="pytorch-fid"),
    "torch-fidelity": partial(fid.measure, peer="torch-fidelity"),
    "vdb-images": vdb_images.measure,
}
ALONE: dict[str, Callable[[Options], Iterator[Record]]] = {
    "frechet": frechet.measure,
    "precision": fid.precision,
    "plain": plain.measure,
    "stack": stack.measure,
    "startup": startup.measure,
    "growth": growth.measure,
    "idle": idle.measure,
    "cluster": cluster.measure,
    "losses": losses.measure,
    "memory": memory.measure,
    "steady": steady.measure,
    "digests": digests.measure,
    "convolutions": convolutions.measure,
}


def speed(options: Options, names: Sequence[str] = (), peer: str | None = None) -> Iterator[str]:
    """Run the benchmarks with these names, the one for `peer`, or all, and yield the lines to print.

    Each is written when it is done. If all are run, one whose peer is missing is left out with a line that says how to
    create it; if it was requested by name, that is an error.
    """
    known = ALONE | WITH_PEER
    chosen = [*names, *([peer] if peer else [])] or list(known)
    if peer and peer not in WITH_PEER:
        raise BenchError(unknown(f"--peer {peer}", peer, WITH_PEER))
    for name in chosen:
        if name not in known:
            raise BenchError(unknown(f"benchmark {name}", name, known))
    asked, left_out = bool(names or peer), []
    for name in chosen:
        yield f"{name}:"
        try:
            for made in known[name](options):
                yield from lines(made)
                yield f"  {write(options.root, made).relative_to(options.root)}"
        except BenchError as error:
            if asked:
                raise
            left_out.append(name)
            yield f"  left out: {error}"
    if left_out:
        yield f"not run: {', '.join(left_out)}; the others are in {FOLDER}"
