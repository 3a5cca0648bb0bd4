"""Define the entries of a table, which hold values. `formats.py` writes them as HTML, Markdown, LaTeX and CSV."""

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
    """Words, perhaps with links.

    href: the address that the words link to.
    method: the method whose page they link to, once `led` knows the folder of those pages.
    after: words behind the link.
    links: further links (words, address).
    alarm: whether the words are red.
    anchor: the anchor by which links find this entry.
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
    """A number at full precision, with its interval, its correlation over seeds and a remark.

    Parts that are not finite are missing.

    spec: the Python format specification by which readers see the numbers.
    least: the number below which readers see '< least'.
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
    """A number with the name of its owner: 'GAN: 1.95 [1.72, 2.03]'."""

    name: Text
    number: Number


@dataclass(frozen=True)
class Comparison(Entry):
    """The word for a comparison, such as 'better' or 'worse'.

    seeds: how many seeds would decide an open comparison; NaN if unknown.
    """

    word: str
    seeds: float = math.nan


@dataclass(frozen=True)
class Listed(Entry):
    """A count, with the (name, address) of each thing that is counted."""

    names: tuple[tuple[str, str], ...]
    strong: bool = False


@dataclass(frozen=True)
class Bar:
    """One line of a small forest plot: a number with its interval and its direction, a key of WAYS.

    published: the number that the paper printed; NaN if it has none.
    after: words behind the number.
    """

    name: str
    number: Number
    way: str
    published: float = math.nan
    after: str = ""


@dataclass(frozen=True)
class Forest:
    """Bars on one scale, which is centred on 0 for differences.

    holds: the bounds between which the claim holds; infinite if a side is open.
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


WAYS = {"for": "▲", "against": "▼", "open": "○"}  # the direction of evidence -> its mark


@dataclass(frozen=True)
class Code(Entry):
    """A command to type."""

    text: str


@dataclass(frozen=True)
class Typed(Entry):
    """Words with the commands that belong to them."""

    text: str
    commands: tuple[str, ...]


@dataclass(frozen=True)
class Source(Entry):
    """The source of a row: (words, address) of its files and the command that makes them; empty without a source."""

    files: tuple[tuple[str, str], ...] = ()
    command: str = ""


@dataclass(frozen=True)
class Missing(Entry):
    """An entry that is unknown, or whose column does not apply to the row."""


MISSING: Entry = Missing()


@dataclass(frozen=True)
class Head:
    """The head of a column.

    bracket: the meaning of the brackets behind its numbers.
    up: whether higher is better; None without a direction.
    """

    text: str
    bracket: str = ""
    up: bool | None = None


@dataclass(frozen=True)
class Table:
    """Rows of entries below a head; the first column names the row.

    head: the heads of the columns, of which plain words are short for Head(words).
    folded: whether a page hides the table until the reader opens it.
    """

    title: str
    head: Sequence[Head | str]
    rows: Sequence[Sequence[Entry]]
    notes: Sequence[str] = ()
    folded: bool = False

    def led(self, folder: str) -> Table:
        """Return the table with every method's name as a link to its page in `folder`."""
        return replace(self, rows=[[_led(cell, folder) for cell in row] for row in self.rows])


def fixed(value: float, digits: int, low: float = math.nan, high: float = math.nan, **more) -> Number:
    """Return a number, perhaps with its interval, that readers see with `digits` decimals."""
    return Number(value, f".{digits}f", low, high, **more)


def measured(value: float, low: float = math.nan, high: float = math.nan, **more) -> Number:
    """Return a number that readers see with three significant digits."""
    return fixed(value, decimals([value]), low, high, **more)


def count(value: int, **more) -> Number:
    """Return a count, as an integer."""
    return Number(int(value), "d", **more)


def title(cell: CellFrame, after: str = "", strong: bool = False) -> Text:
    """Return the name of a cell for readers, which links to the page of its method."""
    return Text(cell.title, method=cell.method, after=after, strong=strong)


def status(cell: CellFrame) -> Text:
    """Return the status of the cell; anything but 'finished' is highlighted."""
    words = f"{cell.status}; archived, recorded by {cell.commit}" if cell.commit else cell.status
    words += f"; {cell.verified}" if cell.verified else ""
    return Text(words, strong=bool(cell.failures) or not cell.record, alarm=bool(cell.fault))


def source(cell: CellFrame, link: Link) -> Source:
    """Return links to a cell's record, scores and provenance, and its command; before it has run, only the command."""
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
