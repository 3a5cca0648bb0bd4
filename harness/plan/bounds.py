"""The largest values of parameters, beyond which a run would fill memory or disk before it reported anything."""

from __future__ import annotations

import math
from typing import Any

from harness.errors import BenchError

ANY = 2**31 - 1, "a larger number is surely a typing error"
# Key -> the largest number, and why; all other keys are held to ANY.
LARGEST = {
    "threads": (1024, "no machine has more cores"),
    "batch": (2**20, "every seed holds a whole batch in memory"),
    "n_envs": (2**20, "every seed holds all its environments in memory"),
    "width": (2**16, "a layer holds the square of its width in weights"),
    "depth": (1024, "every layer is a step of the program"),
    "size": (2**16, "nets hold this many weights for each of their inputs"),
    "evaluations": (10_000, "every scored point keeps a snapshot on the disk"),
    "log_points": (1_000_000, "every logged point is a row of curves.csv for each seed"),
    "block": (1024, "the seeds of a block are trained at once"),
}


def check(block: Any, where: str, key: str = "") -> None:
    """Raise BenchError for the first number in a block that exceeds the bound of its key.

    where: the dotted key of the block.
    key: the last part of it.
    """
    if isinstance(block, dict):
        for name, value in block.items():
            check(value, f"{where}.{name}", str(name))
    elif isinstance(block, (list, tuple)):
        for value in block:
            check(value, where, key)
    elif isinstance(block, (int, float)):
        most, why = LARGEST.get(key, ANY)
        if math.isfinite(block) and abs(block) > most:
            raise BenchError(f"{where} = {block}: must be at most {most}, as {why}")
