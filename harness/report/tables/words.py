"""What a table is made of, and how numbers are written. Knows nothing of HTML, Markdown or metrics."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harness.report.records.frame import Cell

NONE = "–"
ROUNDING = 1e-12  # below it a number is 0, as float64 gets it
RHO = "ρ is the correlation over seeds that the pairing uses: at ρ ≤ 0 pairing did not reduce the variance."
TIED = "\u00a0"  # a space that does not break, so an interval stays on one line
Link = Callable[[Path], str]  # a file of the project -> its address from the page


@dataclass(frozen=True)
class Text:
    """One table cell: its words, where they lead, further links, a command, emphasis, and words after the link."""

    text: str
    href: str = ""
    more: tuple[tuple[str, str], ...] = ()
    command: str = ""
    strong: bool = False
    after: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of Text under a head; the first column names the row."""

    title: str
    head: list[str]
    rows: list[list[Text]]
    notes: list[str] = field(default_factory=list)


def decimals(values: Iterable[float]) -> int:
    """Decimals that give the typical value of a column three digits."""
    sizes = [abs(value) for value in values if np.isfinite(value) and value != 0]
    if not sizes:
        return 2
    return min(4, max(0, 2 - math.floor(math.log10(float(np.median(sizes))))))


def number(value: float, digits: int) -> str:
    """Fixed decimals, or two significant digits where those would show nothing."""
    if not np.isfinite(value):
        return NONE
    lost = abs(value) > ROUNDING and abs(value) < 0.5 * 10.0**-digits
    return (f"{value:.2g}" if lost else f"{value:.{digits}f}").replace("-", "−")


def interval(value: float, low: float, high: float, digits: int) -> str:
    """'1.70 [1.62, 1.81]', or the value alone where there is no interval."""
    if not np.isfinite(low):
        return number(value, digits)
    return f"{number(value, digits)} [{number(low, digits)},{TIED}{number(high, digits)}]"


def aimed(block: dict[str, Any]) -> str:
    """'test error (%), lower is better', the task's own word; the label alone where it only describes."""
    aims = {True: ", higher is better", False: ", lower is better", None: ""}
    return labelled(block) + aims[block["higher_is_better"]]


def wrapped(label: str, width: int = 36) -> str:
    """A long label on several lines, for the side of a figure."""
    return "\n".join(textwrap.wrap(label, width))


def labelled(block: dict[str, Any]) -> str:
    """The metric's label with its unit where it has one."""
    return f"{block['label']} ({block['unit']})" if block.get("unit") else block["label"]


def status(cell: Cell) -> Text:
    """What became of the cell; anything but 'finished' stands out."""
    words = f"{cell.status}; archived, recorded by {cell.commit}" if cell.commit else cell.status
    words += f"; {cell.verified}" if cell.verified else ""
    return Text(words, strong=bool(cell.failures) or not cell.record)


def record(cell: Cell, link: Link) -> Text:
    """Links to the record, its scores and provenance, and the command that makes them."""
    if not cell.folder:
        return Text("", command=cell.command)
    files = (("scores", "scores.csv"), ("provenance", "provenance.json"))
    more = tuple((name, link(cell.folder / file)) for name, file in files if (cell.folder / file).is_file())
    return Text("record", link(cell.folder / "record.json"), more, cell.command)
