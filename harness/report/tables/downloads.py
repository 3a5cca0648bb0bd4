"""Offer a table to other programs as CSV or LaTeX: an address that contains the whole file, and a name for it."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

from harness.report.tables.entries import Table
from harness.report.tables.formats import to_csv, to_latex

WRITERS = {"csv": ("text/csv", to_csv), "tex": ("text/x-tex", to_latex)}
URL_SAFE = "!$()*+,-./:;=@_~"  # characters that need no escape in a URL or in HTML


def address(table: Table, kind: str) -> str:
    """Return a data: address that contains the file.

    kind: 'csv' or 'tex'.
    """
    media, write = WRITERS[kind]
    return f"data:{media};charset=utf-8,{quote(write(table), safe=URL_SAFE)}"


def file_name(table: Table, kind: str) -> str:
    """Return the title in lower-case ASCII letters, digits and hyphens: 'digits-8x8-kid-lower-is-better.csv'."""
    plain = unicodedata.normalize("NFKD", table.title).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall("[a-z0-9]+", plain))[:80].rstrip("-") + f".{kind}"
