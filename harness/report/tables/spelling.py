"""Spell numbers and the names of metrics for readers."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable
from typing import Any

import numpy as np

NONE = "–"
ROUNDING = 1e-12  # a smaller number is a rounding error of float64 and counts as 0
TIED = "\u00a0"  # a non-breaking space, so that an interval stays on one line
RHO = "ρ is the correlation over seeds that the pairing uses: at ρ ≤ 0 pairing did not reduce the variance."


def decimals(values: Iterable[float]) -> int:
    """Return the number of decimals that gives the typical value of a column three significant digits."""
    sizes = [abs(value) for value in values if np.isfinite(value) and value != 0]
    if not sizes:
        return 2
    return min(4, max(0, 2 - math.floor(math.log10(float(np.median(sizes))))))


def written(value: float, spec: str) -> str:
    """Write a number by a Python format specification.

    If fixed decimals ('.2f') would show only zeros, the number has two significant digits; 'z.2f' shows 0.00 then.
    """
    if not np.isfinite(value):
        return NONE
    value = 0.0 if 0 < abs(value) <= ROUNDING else value
    if spec.startswith(".") and spec.endswith("f") and ROUNDING < abs(value) < 0.5 * 10.0 ** -int(spec[1:-1]):
        spec = ".2g"
    return format(value, spec).replace("-", "−")


def number(value: float, digits: int) -> str:
    """Write a number with `digits` decimals in a sentence or a figure; tables use Number instead."""
    return written(value, f".{digits}f")


def labelled(block: dict[str, Any]) -> str:
    """Return the metric's label, with its unit if it has one."""
    return f"{block['label']} ({block['unit']})" if block.get("unit") else block["label"]


def aimed(block: dict[str, Any]) -> str:
    """Return e.g. 'test error (%), lower is better'; only the label if the metric has no direction."""
    aims = {True: ", higher is better", False: ", lower is better", None: ""}
    return labelled(block) + aims[block["higher_is_better"]]


def wrapped(label: str, width: int = 36) -> str:
    """Break a long label into several lines, for the side of a figure."""
    return "\n".join(textwrap.wrap(label, width))
