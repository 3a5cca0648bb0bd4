"""Run the checks of one method and print a line each; a check that raises is a fault, reported with its place in the
method.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence

import torch

from harness import registry
from harness.checks.contract import CHECKS, Check, relative_path
from harness.checks.trial import Tree, Trial
from harness.plan.plan import Cell

MOST = 3  # faults that are reported for one check
INDENT = 2 + max(map(len, CHECKS)) + 2


def check_cells(tree: Tree, cells: Sequence[Cell]) -> Iterator[tuple[str, int]]:
    """Yield (line to print, number of faults) for every check of every cell.

    Raises BenchError if data are missing.
    """
    torch.set_num_threads(1)
    for cell in cells:
        trial, seen = Trial(tree, cell), {}
        yield f"{cell.task}/{cell.name}, algorithm {cell.algorithm}", 0
        trial.task.source(torch.device("cpu"))  # raises here if data are missing, which is not the method's fault
        for name, check in CHECKS.items():
            faults = faults_of(check, trial)
            told = "; ".join(faults[:MOST]) + (f"; and {len(faults) - MOST} more" if len(faults) > MOST else "") or "ok"
            if faults and (before := seen.setdefault(told, name)) != name:
                told = f"fails as in {before}"
            yield f"  {name}".ljust(INDENT) + told, len(faults)


def faults_of(check: Check, trial: Trial) -> list[str]:
    """Return what a check finds; an error while it runs is one fault."""
    try:
        return check(trial)
    except Exception as error:
        return [describe_error(error, registry.algorithm(trial.cell.algorithm).__file__)]


def describe_error(error: Exception, file: str) -> str:
    """Return the last line of a traceback, with the innermost place in `file` and, if different, in the project."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if f.filename == file]
    ours = [f for f in frames if f.filename.startswith(str(registry.ROOT)) and "site-packages" not in f.filename]
    places = dict.fromkeys(f"{relative_path(f.filename)}:{f.lineno}" for f in (own[-1:] or ours[-1:]) + ours[-1:])
    last = traceback.format_exception_only(error)[-1].strip()
    return f"{last} ({', within it '.join(places)})"
