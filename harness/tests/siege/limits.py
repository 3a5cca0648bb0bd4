"""What a machine can refuse, once each: a table of the line that tells it and of what the command makes afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator

from harness.tests.siege.attacks import disturbed
from harness.tests.siege.child import TEMPORARY, Fault
from harness.tests.siege.world import World

TRAIN, REPORT, CHECK = "train", "report", "check"
LIMITS = {
    "disk full: records": (TRAIN, Fault("ENOSPC", 1, "results")),
    "disk full: checkpoints": (TRAIN, Fault("ENOSPC", 5, ".scratch")),
    "disk full: the page": (REPORT, Fault("ENOSPC", 3, "build/other")),
    "disk full: temporary folder": (CHECK, Fault("ENOSPC", 1, TEMPORARY)),
    "quota used up": (TRAIN, Fault("EDQUOT", 8)),
    "tree that is read only": (TRAIN, Fault("EROFS", 1)),
    "files of another owner": (TRAIN, Fault("owner")),
    "32 open files": (TRAIN, Fault("nofile", 32)),
    "files of 1 kB": (TRAIN, Fault("fsize", 1000)),
    "memory: nothing more": (TRAIN, Fault("memory", 0)),
    "memory: 8 MB more": (REPORT, Fault("memory", 8)),
    "clock set back": (TRAIN, Fault("clock")),
    "no git": (TRAIN, Fault("git")),
    "no HOME": (TRAIN, Fault("home")),
    "TMPDIR missing, training": (TRAIN, Fault("tmp")),
    "TMPDIR missing, a check": (CHECK, Fault("tmp")),
}
ONLY_ROOT = {"owner"}  # who alone can give a file away


def table(world: World) -> Iterator[tuple[str, str, str]]:
    """(limit, how it ended, in which words) of each limit, on a cell of the family that trains fastest."""
    cell = next(cell for cell in world.cells if cell.family == "gaussians")
    commands = {
        TRAIN: ["train", cell.task, cell.name],
        REPORT: ["report", "--out", "OUT"],
        CHECK: ["check", cell.name],
    }
    for name, (command, fault) in LIMITS.items():
        if fault.kind in ONLY_ROOT and os.geteuid() != 0:
            continue
        yield name, *disturbed(world, cell, commands[command], fault)


def shown(world: World) -> list[dict[str, str]]:
    """Print the table and return its rows, of {limit, end, note}."""
    rows = []
    for name, end, note in table(world):
        print(f"{name:30s}{end:10s}{note}", flush=True)
        rows.append({"limit": name, "end": end, "note": note})
    return rows
