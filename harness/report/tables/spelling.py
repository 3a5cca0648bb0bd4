"""How numbers and the names of metrics are spelled for a reader."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable
from typing import Any

import numpy as np

NONE = "–"
ROUNDING = 1e-12  # below it a number is 0, as float64 gets it
TIED = "\u00a0"  # a space that does not break, so an interval stays on one line
RHO = "ρ is the correlation over seeds that the pairing uses: at ρ ≤ 0 pairing did not reduce the variance."


def decimals(values: Iterable[float]) -> int:
    """Decimals that give the typical value of a column three digits."""
    sizes = [abs(value) for value in values if np.isfinite(value) and value != 0]
    if not sizes:
        return 2
    return min(4, max(0, 2 - math.floor(math.log10(float(np.median(sizes))))))


def written(value: float, spec: str) -> str:
    """A number by a format specification of Python.

    Where fixed decimals ('.2f') would show nothing, it has two significant digits; 'z.2f' shows 0.00 there.
    """
    if not np.isfinite(value):
        return NONE
    if spec.startswith(".") and spec.endswith("f") and ROUNDING < abs(value) < 0.5 * 10.0 ** -int(spec[1:-1]):
        spec = ".2g"
    return format(value, spec).replace("-", "−")


def number(value: float, digits: int) -> str:
    """A number with so many decimals, in a sentence or a figure; a cell of a table holds a Number."""
    return written(value, f".{digits}f")


def labelled(block: dict[str, Any]) -> str:
    """The metric's label with its unit where it has one."""
    return f"{block['label']} ({block['unit']})" if block.get("unit") else block["label"]


def aimed(block: dict[str, Any]) -> str:
    """'test error (%), lower is better'; the label alone where the metric only describes."""
    aims = {True: ", higher is better", False: ", lower is better", None: ""}
    return labelled(block) + aims[block["higher_is_better"]]


def wrapped(label: str, width: int = 36) -> str:
    """A long label on several lines, for the side of a figure."""
    return "\n".join(textwrap.wrap(label, width))
