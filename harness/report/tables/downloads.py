"""A table for other programs: as CSV and as LaTeX, and as an address that holds the whole file.

CSV has plain numbers: 'value [low, high]' becomes three columns where a whole column is of that form, a dash is an
empty field. Both leave out what only decorates (arrows, triangles).
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from urllib.parse import quote

from harness.report.tables.words import NONE, TIED, Table, Text

RECORD = "record"  # the head of the column that leads to records: its command in CSV, nothing in LaTeX
PLAIN = str.maketrans({"−": "-", TIED: " ", "▲": "", "▼": "", "↑": "", "↓": ""})
TYPES = {"csv": "text/csv", "tex": "text/x-tex"}
URL_SAFE = "!$()*+,-./:;=@_~"  # what stands for itself in a URL and needs no escape in HTML either
NUMBER = r"-?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?"
SPLIT = re.compile(rf"({NUMBER})(?: \[({NUMBER}), ({NUMBER})\])?(?:, ρ ({NUMBER}))?")
PARTS = ("value", "low", "high", "rho")
BRACKET = re.compile(r" *\[[^\]]*\]$")  # '[95 %]' at the end of a head: the parts say it
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
})


def to_csv(table: Table) -> str:
    """One head row and the rows, fields quoted where they must be, lines ended by a newline."""
    columns: list[list[str]] = []
    for head, cells in _columns(table):
        found = [_plain(_words(cell, head)) for cell in cells]
        columns += _split(_plain(head), found)
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(zip(*columns, strict=True))
    return buffer.getvalue()


def to_latex(table: Table) -> str:
    """A floating table with booktabs' rules (\\usepackage{booktabs}); the notes stand above it as comments."""
    columns = [
        [_escape(head), *(_escape(c.text + c.after) for c in cells)]
        for head, cells in _columns(table)
        if head != RECORD
    ]
    head, *rows = [" & ".join(row) for row in zip(*columns, strict=True)]
    rows = [
        f"{{}}{row}" if row.startswith(("[", "*")) else row for row in rows
    ]  # else an argument of the line end above
    lines = [
        *(f"% {' '.join(note.split())}" for note in table.notes),
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_escape(table.title)}}}",
        rf"\begin{{tabular}}{{{'l' * len(columns)}}}",
        r"\toprule",
        rf"{head} \\",
        r"\midrule",
        *(rf"{row} \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def address(table: Table, kind: str) -> str:
    """A data: address that holds the file; kind: 'csv' or 'tex'."""
    text = {"csv": to_csv, "tex": to_latex}[kind](table)
    return f"data:{TYPES[kind]};charset=utf-8,{quote(text, safe=URL_SAFE)}"


def file_name(table: Table, kind: str) -> str:
    """The title in lower-case ASCII letters, digits and hyphens: 'digits-8x8-kid-lower-is-better.csv'."""
    plain = unicodedata.normalize("NFKD", table.title).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall("[a-z0-9]+", plain))[:80].rstrip("-") + f".{kind}"


def _columns(table: Table) -> list[tuple[str, list[Text]]]:
    return [(head, [row[place] for row in table.rows]) for place, head in enumerate(table.head)]


def _words(cell: Text, head: str) -> str:
    return cell.command if head == RECORD else cell.text + cell.after


def _plain(text: str) -> str:
    text = text.translate(PLAIN).strip()
    return "" if text == NONE else text


def _split(head: str, cells: list[str]) -> list[list[str]]:
    """The column as it is, or a column for each part that any of its cells has."""
    found = [SPLIT.fullmatch(cell) if cell else None for cell in cells]
    if any(cell and not hit for cell, hit in zip(cells, found)) or not any(hit and hit[2] for hit in found):
        return [[head, *cells]]
    kept = [place for place in range(1, 5) if any(hit and hit[place] for hit in found)]
    name = BRACKET.sub("", head)
    return [[f"{name}: {PARTS[place - 1]}", *(hit[place] or "" if hit else "" for hit in found)] for place in kept]


def _escape(text: str) -> str:
    return text.translate(TEX).strip()
