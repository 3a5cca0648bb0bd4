"""The families of tasks: the heading under which their tasks stand, and what is common to all of them.

Both are the family's own words, the beginning of its file in harness/tasks, which is read and not run: its first
line, and the paragraph after it. As docstrings are in no code key, rewording them retrains nothing.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "tasks"


@cache
def words(family: str) -> tuple[str, str]:
    """(heading, words for the reader); the bare name of a family that has no file here, as an archived one may."""
    path = FOLDER / f"{family}.py"
    if not path.is_file():
        return family, ""
    heading, *rest = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or family).split("\n\n")
    return " ".join(heading.split()).rstrip("."), " ".join(rest[0].split()) if rest else ""
