"""Describe the families of tasks: the heading of their tasks, and what these have in common.

Both are taken from the docstring of the family's file in harness/tasks, which is read but not run: its first line, and
the paragraph after it. Because docstrings are in no code key, rewording them retrains nothing.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "tasks"


@cache
def words(family: str) -> tuple[str, str]:
    """Return (heading, words for readers); only the name for a family without a file here, such as an archived one."""
    path = FOLDER / f"{family}.py"
    if not path.is_file():
        return family, ""
    heading, *rest = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or family).split("\n\n")
    return " ".join(heading.split()).rstrip("."), " ".join(rest[0].split()) if rest else ""
