"""What a table is made of: entries that hold values. `formats.py` writes them as HTML, Markdown, LaTeX and CSV."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.report.records.frame import CellFrame
from harness.report.tables.spelling import decimals

Link = Callable[[Path], str]  # a file of the project -> its address from the page
LEVEL = "95\u00a0%"


class Entry:
    """One entry of a table: one of the kinds below."""


@dataclass(frozen=True)
class Text(Entry):
    """Words. href: where they lead; method: whose page they lead to, once `led` knows where those pages lie.

    after: words behind the link; links: further (words, address). alarm: in red. anchor: by which links find it.
    """

    text: str
    href: str = ""
    method: str = ""
    after: str = ""
    links: tuple[tuple[str, str], ...] = ()
    strong: bool = False
    alarm: bool = False
    anchor: str = ""


@dataclass(frozen=True)
class Number(Entry):
    """A number at full precision, with the interval, the correlation over seeds and the remark that belong to it.

    spec: how a reader sees the numbers, a format specification of Python. least: below it a reader sees '< least'.
    What is not finite is missing.
    """

    value: float
    spec: str = "g"
    low: float = math.nan
    high: float = math.nan
    rho: float = math.nan
    note: str = ""
    least: float | None = None
    strong: bool = False


@dataclass(frozen=True)
class Named(Entry):
    """A number and whose it is: 'GAN: 1.95 [1.72, 2.03]'."""

    name: Text
    number: Number


@dataclass(frozen=True)
class Comparison(Entry):
    """'better', 'worse' or another word; seeds: how many would decide what is open, NaN where that is not known."""

    word: str
    seeds: float = math.nan


@dataclass(frozen=True)
class Listed(Entry):
    """How many, and which: (name, address) of each."""

    names: tuple[tuple[str, str], ...]
    strong: bool = False


@dataclass(frozen=True)
class Bar:
    """One line of a small forest plot: a number with its interval, and which way that points, a key of WAYS.

    published: the number that was printed, where one was; after: words behind the number.
    """

    name: str
    number: Number
    way: str
    published: float = math.nan
    after: str = ""


@dataclass(frozen=True)
class Forest:
    """Bars on one scale, of differences with 0 in its middle.

    holds: between which numbers the claim is right, infinite where it is open on a side.
    """

    title: str
    bars: tuple[Bar, ...]
    holds: tuple[float, float] = (0.0, math.inf)
    centred: bool = True
    href: str = ""
    after: str = ""


@dataclass(frozen=True)
class Evidence(Entry):
    """Small forest plots with their words."""

    forests: tuple[Forest, ...]


WAYS = {"for": "▲", "against": "▼", "open": "○"}  # which way evidence points -> its mark


@dataclass(frozen=True)
class Code(Entry):
    """A command, as it is typed."""

    text: str


@dataclass(frozen=True)
class Typed(Entry):
    """Words and the commands that they call for."""

    text: str
    commands: tuple[str, ...]


@dataclass(frozen=True)
class Source(Entry):
    """Where a row comes from: (words, address) of its files, and the command that makes them; empty for no source."""

    files: tuple[tuple[str, str], ...] = ()
    command: str = ""


@dataclass(frozen=True)
class Missing(Entry):
    """Nothing is known here, or the column has no meaning for the row."""


MISSING: Entry = Missing()


@dataclass(frozen=True)
class Head:
    """The head of a column. bracket: what the brackets behind its numbers hold. up: which way is better, if any."""

    text: str
    bracket: str = ""
    up: bool | None = None


@dataclass(frozen=True)
class Table:
    """Rows of entries below a head, whose plain words stand for Head(words); the first column names the row.

    folded: whether a page shows it only when it is opened.
    """

    title: str
    head: Sequence[Head | str]
    rows: Sequence[Sequence[Entry]]
    notes: Sequence[str] = ()
    folded: bool = False

    def led(self, folder: str) -> Table:
        """The table with every method's name as a link to its page in `folder`."""
        return replace(self, rows=[[_led(cell, folder) for cell in row] for row in self.rows])


def fixed(value: float, digits: int, low: float = math.nan, high: float = math.nan, **more) -> Number:
    """A number, with its interval where there is one, that a reader sees with so many decimals."""
    return Number(value, f".{digits}f", low, high, **more)


def measured(value: float, low: float = math.nan, high: float = math.nan, **more) -> Number:
    """A number that a reader sees with three digits."""
    return fixed(value, decimals([value]), low, high, **more)


def count(value: int, **more) -> Number:
    """How many: a whole number."""
    return Number(int(value), "d", **more)


def title(cell: CellFrame, after: str = "", strong: bool = False) -> Text:
    """The name of a cell for a reader; it leads to the page of its method."""
    return Text(cell.title, method=cell.method, after=after, strong=strong)


def status(cell: CellFrame) -> Text:
    """What became of the cell; anything but 'finished' stands out."""
    words = f"{cell.status}; archived, recorded by {cell.commit}" if cell.commit else cell.status
    words += f"; {cell.verified}" if cell.verified else ""
    return Text(words, strong=bool(cell.failures) or not cell.record, alarm=bool(cell.fault))


def source(cell: CellFrame, link: Link) -> Source:
    """The record of the cell, its scores and provenance, and the command that makes them; the command alone before it
    has run.
    """
    if not cell.folder:
        return Source(command=cell.command)
    files = (("record", "record.json"), ("scores", "scores.csv"), ("provenance", "provenance.json"))
    there = tuple((words, link(cell.folder / file)) for words, file in files if (cell.folder / file).is_file())
    return Source(there, cell.command)


def _led(cell: Entry, folder: str) -> Entry:
    match cell:
        case Named(name=Text(method=method)) if method:
            return replace(cell, name=replace(cell.name, href=f"{folder}/{method}.html"))
        case Text(method=method) if method:
            return replace(cell, href=f"{folder}/{method}.html")
        case _:
            return cell
