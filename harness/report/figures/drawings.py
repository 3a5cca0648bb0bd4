"""Reuse figures whose records, parameters, styles and drawing code have not changed.

Drawing takes nine tenths of the time of a report. Archived records never change, and a new record affects only a few
figures. So each figure is kept under the digest of all that it shows: in the scratch folder, and packed in the report
itself, so that a fresh clone draws nothing again. No result depends on these files, and they are safe to delete.
"""

from __future__ import annotations

import ast
import hashlib
import json
import lzma
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from harness import packed
from harness.files import aside
from harness.remembered import Remembered
from harness.remembered import digest as digest_of
from harness.report.figures import figures
from harness.report.figures.style import Plot, Style
from harness.report.records import code
from harness.report.records.code import PACKAGES
from harness.report.records.frame import CellFrame, TaskFrame
from harness.store import CURVES, PANELS, SCORES

PACKAGE, REPORT = "harness.report", Path(__file__).parents[1]
DRAWING = (REPORT / "figures/figures.py", REPORT / "records/aggregate.py")  # the latter makes the summaries
FOLDER = "drawn"  # in a report: the packed figures that were drawn for it
XZ = b"\xfd7zXZ"
Kept = dict[str, list[Plot]]  # digest of what a part shows -> its figures


@dataclass
class Drawings:
    """The figures drawn before and those drawn now.

    scratch: the folder where figures are kept; None to keep none.
    packed: the folder of figures in an earlier report.
    each: a function like `map` that returns a list and may use other processes.
    """

    scratch: Path | None = None
    packed: Path | None = None
    each: Callable[[Callable[[Any], Any], list[Any]], list[Any]] = lambda do, what: list(map(do, what))
    made: dict[str, Kept] = field(default_factory=dict)  # by file name: all figures that this report shows

    def draw(
        self,
        preset: str,
        frames: Mapping[str, TaskFrame],
        summaries: Mapping[str, pd.DataFrame],
        looks: dict[str, Style],
        declared: Mapping[str, dict[str, Any] | None],
    ) -> dict[str, list[Plot]]:
        """Return the figures of each task, as figures.draw does, and draw only those that are not kept.

        preset: the name of the preset.
        frames: the frames by task.
        summaries: the summaries of the frames, which follow from them.
        looks: the styles of methods; those of other tasks' methods have no effect.
        declared: the published protocols by task.
        """
        asked = {name: list(_parts(frame, summaries[name], looks, declared[name])) for name, frame in frames.items()}
        places = {name: name_of(preset, name) for name in frames}
        known = {name: self._read(places[name]) for name in frames}
        lacking = {part.key: part for name in frames for part in asked[name] if part.key not in known[name]}
        new = dict(zip(lacking, self.each(_drawn, list(lacking.values())), strict=True))
        for name in frames:
            kept = {part.key: new[part.key] if part.key in new else known[name][part.key] for part in asked[name]}
            self.made[places[name]] = kept
            if kept.keys() & new.keys():
                self._write(places[name], kept)
        return {name: [plot for part in asked[name] for plot in self.made[places[name]][part.key]] for name in frames}

    def once(self, name: str, code: Path, shown: object, draw: Callable[[], list[Plot]]) -> list[Plot]:
        """Return figures that show several tasks or none, and draw them only if they are not kept.

        name: the file under which they are kept.
        code: the module that draws them.
        shown: all that they follow from, with a `repr` that tells every difference.
        draw: draws them.
        """
        key = hashlib.sha256(_code((code,)) + repr(shown).encode()).hexdigest()
        known = self._read(name)
        kept = {key: known[key] if key in known else draw()}
        self.made[name] = kept
        if key not in known:
            self._write(name, kept)
        return kept[key]

    def files(self, names: Iterable[str] | None = None) -> Iterator[tuple[str, bytes]]:
        """Yield (path, content) of the drawn figures for the report; a file with the same figures keeps its bytes.

        names: those under which they are kept, see `name_of` and `once`; None for all.
        """
        for name, kept in self.made.items():
            if names is not None and name not in names:
                continue
            before = _content(self.packed / f"{name}.json.xz") if self.packed else None
            same = before is not None and _parsed(before) == kept
            yield (
                f"{FOLDER}/{name}.json.xz",
                before if before is not None and same else lzma.compress(_text(kept), preset=1),
            )

    def _read(self, name: str) -> Kept:
        """Read the figures kept under a name; a truncated file counts as none."""
        places = [self.packed / f"{name}.json.xz"] if self.packed else []
        places += [self.scratch / f"{name}.json"] if self.scratch else []
        found: Kept = {}
        for path in places:
            found |= _parsed(_content(path) or b"")
        return found

    def _write(self, name: str, kept: Kept) -> None:
        """Write the figures aside and rename the file, so that two reports at a time never read half of a file.

        If the folder cannot be written, as in a tree of another owner, nothing is kept and the next report draws again.
        """
        if self.scratch is None:
            return
        try:
            with aside(self.scratch / f"{name}.json") as file:
                file.write(_text(kept))
        except OSError:
            pass


def name_of(preset: str, task: str) -> str:
    """Return the name under which the figures of a task are kept."""
    return f"{preset}-{task}"


@dataclass(frozen=True)
class Asked:
    """A part with everything that it is drawn from, and the digest of that.

    summary: the summary of the whole task, because selecting rows takes longer than telling that nothing has changed.
    """

    part: figures.Part
    summary: pd.DataFrame
    looks: dict[str, Style]
    declared: dict[str, Any] | None
    key: str


def _parts(
    frame: TaskFrame, summary: pd.DataFrame, looks: dict[str, Style], declared: dict[str, Any] | None
) -> Iterator[Asked]:
    known: dict[int, bytes] = {}
    for part in figures.parts(frame, declared):
        cells = part.frame.everything
        own = {name for cell in cells for name in (cell.name, cell.method)}
        seen = {name: look for name, look in looks.items() if name in own}
        yield Asked(part, summary, seen, declared, _key(part, seen, declared, known))


def _drawn(asked: Asked) -> list[Plot]:
    shown = {cell.name for cell in asked.part.frame.everything}
    rows = asked.summary[asked.summary.cell.isin(shown)]
    return figures.draw_part(asked.part, rows, asked.looks, asked.declared)


def _key(part: figures.Part, looks: dict[str, Style], declared: dict[str, Any] | None, known: dict[int, bytes]) -> str:
    """Return a hash of all that the figures follow from, independent of the project's location.

    known: the id of a cell -> its digest, as many parts show the same cells.
    """
    frame = part.frame

    def seen(cell: CellFrame) -> bytes:
        if id(cell) not in known:
            known[id(cell)] = digest(cell)
        return known[id(cell)]

    words = (
        part.kind,
        frame.name,
        frame.title,
        frame.family,
        frame.params,
        frame.baseline,
        frame.preset,
        looks,
        declared,
    )
    made = hashlib.sha256(_code(DRAWING) + hashlib.sha256(repr(words).encode()).digest())
    for content in map(seen, frame.cells):
        made.update(content)  # of equal length, so that different lists of parts differ
    for swept in frame.ablations:
        made.update(hashlib.sha256(repr((swept.name, swept.key, swept.of, swept.reference)).encode()).digest())
        for content in map(seen, swept.cells):
            made.update(content)
        made.update(seen(swept.itself) if swept.itself else hashlib.sha256().digest())
    return made.hexdigest()


def digest(cell: CellFrame) -> bytes:
    """Return a digest of a cell, with its record and its tables."""
    return hashlib.sha256(_cell(cell)).digest()


def _cell(cell: CellFrame) -> bytes:
    """Return the fields of a cell, including its record, and digests of its tables."""
    words = (
        cell.task,
        cell.name,
        cell.method,
        cell.title,
        cell.value,
        cell.rewards,
        cell.preset,
        cell.fault,
        cell.record,
    )
    return repr(words).encode() + b"".join(_tables(cell.folder)) if cell.folder else repr(words).encode()


def _tables(folder: Path) -> Iterator[bytes]:
    for name in (SCORES, CURVES, PANELS):
        if (path := packed.standing(folder / name)).is_file():
            stat = path.stat()
            yield _digest(path, stat.st_mtime_ns, stat.st_size).encode()


@cache
def _digest(path: Path, modified: int, size: int) -> str:
    """Return the digest of a file; it is needed many times in a report, so it is cached by time and size."""
    return hashlib.sha256(packed.contents(path)).hexdigest()


@cache
def _code(first: tuple[Path, ...]) -> bytes:
    """Return a digest of the code that draws, of its tables, and of the versions of the drawing libraries."""
    about = digest_of(repr(first).encode(), sys.version.encode(), code.state().encode())
    with Remembered(code.PROJECT, "drawing", most=20) as before:
        return bytes.fromhex(before.get(about, partial(_parsed_code, first)))


def _parsed_code(first: tuple[Path, ...]) -> str:
    made = hashlib.sha256(repr([sys.version, *map(version, PACKAGES)]).encode())
    for path in (*_imported(first), *sorted(REPORT.rglob("*.csv"))):
        content = _bare(path).encode() if path.suffix == ".py" else path.read_bytes()
        made.update(hashlib.sha256(path.name.encode()).digest() + hashlib.sha256(content).digest())
    return made.hexdigest()


def _imported(first: Iterable[Path]) -> list[Path]:
    """Return files with all files of the report that they import, directly or not."""
    waiting, found = [*first], set[Path]()
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{PACKAGE}."):
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
                places = [REPORT.parents[1] / f"{name.replace('.', '/')}.py" for name in names if name]
                waiting += [place for place in places if place.is_file()]
    return sorted(found)


def _bare(path: Path) -> str:
    """Return a file's code without comments and docstrings: rewording draws nothing."""
    tree = _tree(path)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes())


def _text(kept: Kept) -> bytes:
    plots = {key: [asdict(plot) | {"svg": plot.svg.decode()} for plot in found] for key, found in kept.items()}
    return json.dumps(plots).encode()


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _parsed(content: bytes) -> Kept:
    try:
        text = lzma.decompress(content) if content.startswith(XZ) else content
        return {
            key: [Plot(**plot | {"svg": plot["svg"].encode()}) for plot in found]
            for key, found in json.loads(text).items()
        }
    except (ValueError, TypeError, KeyError, AttributeError, lzma.LZMAError, EOFError):
        return {}
