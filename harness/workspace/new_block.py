"""Add or remove a block in the text of params.yaml without changing any other line."""

from __future__ import annotations

import re
import textwrap
import typing

from ruamel.yaml import YAML

from harness.errors import BenchError
from harness.settings import Settings

WIDTH = 120
ODD_ENDS = {"\r": "a carriage return", "\x85": "U+0085", "\u2028": "U+2028", "\u2029": "U+2029"}  # lines to YAML alone
OURS = ("Like ", "Keys: ")  # how the comment over a block begins that `with_block` has written


def with_block(text: str, task: str, behind: str | None, lines: list[str], comment: str) -> str:
    """Return `text` with `lines`, a method's block, after that of the method `behind` in methods.<task>, or at the end.

    Raises BenchError if the task's methods are written in braces.
    """
    row, column, written, end = _found(text, ("methods", task), behind)
    last, pad = _last(written, row, column), " " * column
    told = textwrap.wrap(comment, WIDTH - column - 2, break_on_hyphens=False)
    new = [*(f"{pad}# {line}" for line in told), *(pad + line for line in lines)]
    return end.join([*written[: last + 1], *new, *written[last + 1 :]]) + end


def with_key(text: str, path: tuple[str, ...], lines: list[str]) -> str:
    """Return `text` with `lines` as the last key of the mapping at `path`. Raises BenchError if that is written in
    braces.
    """
    row, column, written, end = _found(text, path, None)
    last, pad = _last(written, row, column), " " * column
    return end.join([*written[: last + 1], *(pad + line for line in lines), *written[last + 1 :]]) + end


def without_block(text: str, task: str, name: str) -> str:
    """Return `text` without the block of methods.<task>.<name> and without the comment that `with_block` wrote above
    it.

    Raises BenchError as `with_block` does.
    """
    row, column, written, end = _found(text, ("methods", task), name)
    last, first = _last(written, row, column), row
    while first and written[first - 1].startswith(f"{' ' * column}#"):
        first -= 1
        if written[first].strip().removeprefix("# ").startswith(OURS):
            break
    else:
        first = row
    return end.join([*written[:first], *written[last + 1 :]]) + end


def _found(text: str, path: tuple[str, ...], name: str | None) -> tuple[int, int, list[str], str]:
    """Return row and column of the key `name` of the mapping at `path`, or of its last key, and the text's lines and
    line end.
    """
    if odd := next((name for mark, name in ODD_ENDS.items() if mark in text.replace("\r\n", "\n")), None):
        raise BenchError(f"params.yaml has {odd} for a line end: save it with one kind of line end")
    if "\r\n" in text and re.search(r"(?<!\r)\n", text):
        raise BenchError("params.yaml mixes two kinds of line ends: save it with one")
    node = YAML(typ="safe").compose(text)
    for part in path:
        node = next(value for key, value in node.value if key.value == part)
    if node.flow_style:
        raise BenchError(
            f"params.yaml: {'.'.join(path)} is written in braces: write each of its keys on a line of its own"
        )
    mark = next(key.start_mark for key, _ in reversed(node.value) if name in (None, key.value))
    end = "\r\n" if "\r\n" in text else "\n"
    return mark.line, mark.column, text.removesuffix(end).split(end), end


def _last(written: list[str], row: int, column: int) -> int:
    """Return the last row of the block that begins in `row`; it ends before a line that is not indented further."""
    last = row
    for i in range(row + 1, len(written)):
        words = written[i].strip()
        if words and _indent(written[i]) > column:
            last = i
        elif words and not words.startswith("#"):
            break
    return last


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def keys_of(params: Settings, depth: int = 9) -> str:
    """Return the keys of a block and of the blocks in it, e.g. `noise {where, std}`; each schema occurs once."""
    return _keys(type(params), params, set(), depth)


def _keys(schema: type[Settings], value: Settings | None, told: set[type], depth: int) -> str:
    found = []
    for name, field in schema.model_fields.items():
        now = getattr(value, name, None)
        kinds = [type(now)] if isinstance(now, Settings) else [k for k in _parts(field.annotation) if _is_settings(k)]
        if depth > 1 and len(kinds) == 1 and kinds[0] not in told:
            told.add(kinds[0])
            name += " {" + _keys(kinds[0], now, told, depth - 1) + "}"
        if name not in ("algorithm", "kind"):
            found.append(name)
    return ", ".join(found)


def _parts(annotation: typing.Any) -> list[typing.Any]:
    return [annotation, *typing.get_args(annotation)]


def _is_settings(kind: typing.Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Settings)
