"""Write an entry or a table as HTML, Markdown, LaTeX, CSV and plain text.

Readers see rounded numbers; CSV has them at full precision, with each part of a number in a separate column.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator

from markupsafe import Markup, escape

from harness.report.tables import bars
from harness.report.tables.entries import (
    Code,
    Comparison,
    Entry,
    Evidence,
    Head,
    Listed,
    Named,
    Number,
    Source,
    Table,
    Text,
    Typed,
)
from harness.report.tables.spelling import NONE, TIED, written

MARKS = {"better": f"▲{TIED}", "worse": f"▼{TIED}"}
ARROWS = {True: " ↑", False: " ↓", None: ""}
MANY = 1000  # seeds; nobody will run more
PARTS = ("value", "low", "high", "rho", "seeds", "note")  # the CSV columns of one column, behind that of its words
PLAIN = str.maketrans({"−": "-", TIED: " "})
TICKED = re.compile("`([^`]+)`")
TEX = str.maketrans({
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "−": "$-$",
    "–": "--",
    TIED: "~",
    "ρ": r"$\rho$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "▲": "",
    "▼": "",
    "◆": r"$\diamond$",
    "▽": r"$\triangledown$",
    "○": r"$\circ$",
})


def words(cell: Entry) -> str:
    """Return the entry as plain text, as readers see it but without links and emphasis."""
    match cell:
        case Text():
            return cell.text + cell.after
        case Number():
            return _number(cell)
        case Named():
            return f"{words(cell.name)}: {words(cell.number)}"
        case Comparison():
            needs = f" (needs{TIED}{_seeds(cell.seeds)})" if math.isfinite(cell.seeds) else ""
            return f"{MARKS.get(cell.word, '')}{cell.word}{needs}"
        case Listed():
            return f"{len(cell.names)} ({', '.join(name for name, _ in cell.names)})"
        case Evidence():
            return "; ".join(bars.words(forest, words) for forest in cell.forests)
        case Code():
            return cell.text
        case Typed():
            return f"{cell.text}: {'; '.join(cell.commands)}"
        case Source():
            return cell.command
        case _:
            return NONE


def heading(head: Head | str) -> str:
    """Return the text of a column's head, such as 'difference [95 %]' or 'recall ↑'."""
    if isinstance(head, str):
        return head
    return head.text + (f" [{head.bracket}]" if head.bracket else "") + ARROWS[head.up]


def to_text(table: Table) -> Iterator[str]:
    """Yield the lines of a table for a terminal: its title, its rows in columns, its notes and an empty line."""
    yield table.title
    shown = [[heading(head) for head in table.head], *([words(cell) for cell in row] for row in table.rows)]
    widths = [max(len(row[place]) for row in shown) for place in range(len(table.head))]
    for row in shown:
        yield "  ".join(word.ljust(width) for word, width in zip(row, widths)).rstrip()
    yield from table.notes
    yield ""


def prose(text: str) -> Markup:
    """Return words as escaped HTML, with what stands between backticks as code."""
    return Markup(TICKED.sub(r"<code>\1</code>", str(escape(text))))


def to_html(cell: Entry) -> Markup:
    """Return the entry as escaped HTML."""
    match cell:
        case Text():
            shown = Markup("<strong>{}</strong>").format(prose(cell.text)) if cell.strong else prose(cell.text)
            shown = Markup('<span class="alarm">{}</span>').format(shown) if cell.alarm else shown
            shown = Markup('<a href="{}">{}</a>').format(cell.href, shown) if cell.href else shown
            shown = Markup('<span id="{}">{}</span>').format(cell.anchor, shown) if cell.anchor else shown
            return shown + cell.after + Markup("").join(map(_further, cell.links))
        case Number(strong=True):
            return Markup("<strong>{}</strong>").format(words(cell))
        case Named():
            return to_html(cell.name) + f": {words(cell.number)}"
        case Listed():
            linked = Markup(", ").join(Markup('<a href="{1}">{0}</a>').format(*name) for name in cell.names)
            count = Markup("<strong>{}</strong>" if cell.strong else "{}").format(len(cell.names))
            return count + " (" + linked + ")"
        case Evidence():
            return Markup("").join(bars.to_html(forest, words) for forest in cell.forests)
        case Code():
            return Markup("<code>{}</code>").format(cell.text)
        case Typed():
            typed = Markup("; ").join(Markup("<code>{}</code>").format(command) for command in cell.commands)
            return Markup("{}: {}").format(cell.text, typed)
        case Source():
            files = Markup(" · ").join(Markup('<a href="{1}">{0}</a>').format(*file) for file in cell.files)
            command = Markup("<code>{}</code>").format(cell.command) if cell.command else ""
            return Markup(" ").join(filter(None, (files, command)))
        case _:
            return escape(words(cell))


def to_markdown(cell: Entry) -> str:
    """Return the entry for a row of a Markdown table."""
    match cell:
        case Text():
            shown = f"**{_pipe(cell.text)}**" if cell.strong and cell.text else _pipe(cell.text)
            shown = f"[{shown}]({cell.href})" if cell.href else shown
            return shown + _pipe(cell.after) + "".join(f" · [{name}]({href})" for name, href in cell.links)
        case Number(strong=True):
            return f"**{words(cell)}**"
        case Named():
            return f"{to_markdown(cell.name)}: {words(cell.number)}"
        case Code():
            return f"`{_pipe(cell.text)}`"
        case Typed():
            return f"{_pipe(cell.text)}: {'; '.join(f'`{_pipe(command)}`' for command in cell.commands)}"
        case Source():
            files = " · ".join(f"[{name}]({href})" for name, href in cell.files)
            return " ".join(filter(None, (files, f"`{cell.command}`" if cell.command else "")))
        case _:
            return _pipe(words(cell))


def to_csv(table: Table) -> str:
    """Return the heads and the rows, with numbers at full precision, empty fields for missing ones, and no marks."""
    columns: list[list[str]] = []
    for place, head in enumerate(table.head):
        columns += _columns(head if isinstance(head, str) else head.text, [_fields(row[place]) for row in table.rows])
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(zip(*columns, strict=True))
    return buffer.getvalue()


def to_latex(table: Table) -> str:
    """Return a floating table with the rules of booktabs (\\usepackage{booktabs}).

    It has no sources, and the notes are comments above it.
    """
    kept = [k for k in range(len(table.head)) if not any(isinstance(row[k], Source) for row in table.rows)]
    head = " & ".join(_tex(heading(table.head[k])) for k in kept)
    rows = [" & ".join(_tex(words(row[k])) for k in kept) for row in table.rows]
    rows = [f"{{}}{row}" if row.startswith(("[", "*")) else row for row in rows]  # else an option of the \\ above
    lines = [
        *(f"% {' '.join(note.split())}" for note in table.notes),
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_tex(table.title)}}}",
        rf"\begin{{tabular}}{{{'l' * len(kept)}}}",
        r"\toprule",
        rf"{head} \\",
        r"\midrule",
        *(rf"{row} \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _number(cell: Number) -> str:
    if not math.isfinite(cell.value):
        return NONE
    small = cell.least is not None and cell.value < cell.least
    shown = f"< {cell.least:g}" if small else written(cell.value, cell.spec)
    if math.isfinite(cell.low):
        shown += f" [{written(cell.low, cell.spec)},{TIED}{written(cell.high, cell.spec)}]"
    if math.isfinite(cell.rho):
        shown += f", ρ{TIED}{written(cell.rho, '.2f')}"
    return shown + (f" ({cell.note})" if cell.note else "")


def _seeds(count: float) -> str:
    return f"{count:.0f}" if count <= MANY else f"over {MANY}"


def _further(link: tuple[str, str]) -> Markup:
    return Markup(' · <a href="{1}">{0}</a>').format(*link)


def _pipe(text: str) -> str:
    return text.replace("|", "\\|")


def _tex(text: str) -> str:
    return text.translate(TEX).strip()


def _fields(cell: Entry) -> dict[str, str]:
    """Return the parts of an entry in CSV, as far as it has them; the key '' is the part that is words."""
    match cell:
        case Number():
            numbers = {name: getattr(cell, name) for name in ("value", "low", "high", "rho")}
            found = {name: _exact(value) for name, value in numbers.items() if math.isfinite(value)}
            return found | ({"note": _plain(cell.note)} if found and cell.note else {})
        case Named():
            return {"": _plain(words(cell.name))} | _fields(cell.number)
        case Listed():
            return {"value": str(len(cell.names)), "note": ", ".join(name for name, _ in cell.names)}
        case Comparison():
            return {"": cell.word} | ({"seeds": _exact(cell.seeds)} if math.isfinite(cell.seeds) else {})
        case Text() | Code() | Typed() | Source() | Evidence() if words(cell):
            return {"": _plain(words(cell))}
        case _:
            return {}


def _columns(head: str, cells: list[dict[str, str]]) -> list[list[str]]:
    """Return the column of words and one for each part that an entry has; a column of only numbers keeps its name."""
    having = [part for part in ("", *PARTS) if any(part in cell for cell in cells)] or [""]
    name = _plain(head)
    names = {part: f"{name}: {part}" if part and having != [part] else name for part in having}
    return [[names[part], *(cell.get(part, "") for cell in cells)] for part in having]


def _plain(text: str) -> str:
    return text.translate(PLAIN).strip()


def _exact(value: float) -> str:
    """Return the shortest decimal that is read back as the same number, without a point if it is an integer."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))
