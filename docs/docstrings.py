"""Griffe calls this for every docstring of an API page; parameters, a line each, become a list in Markdown."""

from __future__ import annotations

import re
from typing import Any

import griffe

PARAMETER = re.compile(r"^(\w+): ")


class Parameters(griffe.Extension):
    """Show lines such as `root: the project's folder` as the items of a list."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = with_list(obj.docstring.value)


def with_list(text: str) -> str:
    """Return the docstring with each paragraph that begins with a parameter as a list; other paragraphs stay."""
    return "\n\n".join(map(_listed, re.split(r"\n\s*\n", text)))


def _listed(paragraph: str) -> str:
    if not PARAMETER.match(paragraph):
        return paragraph
    return "\n".join(PARAMETER.sub(r"- `\1`: ", line) for line in paragraph.splitlines())
