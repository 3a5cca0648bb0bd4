"""A new block in the text of params.yaml: comments, anchors and layout stay as they are."""

from __future__ import annotations

import re
import textwrap
import typing

import yaml

from harness.contracts import BenchError, Settings

WIDTH = 120


def add_block(text: str, task: str, name: str, like: str, settings: dict[str, str], comment: str) -> str:
    """`text` with the block `name` behind that of `like` in methods.<task>: the same keys by a merge, and `settings`.

    A block without an anchor is given one. Raises BenchError where the task's methods stand on one line.
    """
    key, value = _entry(text, task, like)
    merged = {"<<": f"*{_anchor_of(text, key, value)}", **settings}
    flow = "{" + ", ".join(f"{k}: {v}" for k, v in merged.items()) + "}"
    return _inserted(_anchored(text, key, value, like), task, name, like, flow, comment)


def append_block(text: str, task: str, name: str, flow: str, comment: str) -> str:
    """`text` with the block `name: flow` behind the last one of methods.<task>."""
    last = _pairs(text, task)[-1][0].value
    return _inserted(text, task, name, last, flow, comment)


def keys_of(params: Settings, depth: int = 9) -> str:
    """The keys of a block and of the blocks in it, as its schema has them: `noise {where, std}, ...`, each schema once."""
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


def _inserted(text: str, task: str, name: str, behind: str, flow: str, comment: str) -> str:
    key, value = _entry(text, task, behind)
    lines, pad = text.splitlines(), " " * key.start_mark.column
    first = last = key.start_mark.line
    last = max(last, value.end_mark.line if isinstance(value, yaml.CollectionNode) and value.flow_style else last)
    for i in range(
        first + 1, len(lines)
    ):  # what belongs to the block stands further in; a comment before the next does not
        if lines[i].strip() and _indent(lines[i]) <= key.start_mark.column:
            break
        last = max(last, i) if lines[i].strip() else last
    new = [f"{pad}# {line}" for line in textwrap.wrap(comment, WIDTH - len(pad) - 2, break_on_hyphens=False)] + [
        f"{pad}{name}: {flow}"
    ]
    return "\n".join([*lines[: last + 1], *new, *lines[last + 1 :]]) + "\n"


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _pairs(text: str, task: str) -> list[tuple[yaml.Node, yaml.Node]]:
    node = yaml.compose(text)
    for name in ("methods", task):
        node = next(value for key, value in node.value if key.value == name)
    if node.flow_style:
        raise BenchError(
            f"params.yaml: methods.{task} stands between braces: write each of its methods on a line of its own"
        )
    return node.value


def _entry(text: str, task: str, name: str) -> tuple[yaml.Node, yaml.Node]:
    """The nodes of a block's key and value. Where the value is an alias, it stands where its anchor does."""
    return next((key, value) for key, value in _pairs(text, task) if key.value == name)


def _after_key(text: str, key: yaml.Node) -> re.Match:
    """The anchor or the alias behind a key, if any: groups 1 and 2."""
    return re.compile(r"\s*:[ \t]*(?:&([^\s,\]}]+)|\*([^\s,\]}]+))?").match(text, key.end_mark.index)


def _anchor_of(text: str, key: yaml.Node, value: yaml.Node) -> str:
    """The name that the block has or is to be given."""
    found = _after_key(text, key)
    return found[1] or found[2] or _free(text, key.value)


def _anchored(text: str, key: yaml.Node, value: yaml.Node, like: str) -> str:
    found = _after_key(text, key)
    if found[1] or found[2]:
        return text
    colon = text.index(":", key.end_mark.index) + 1
    return f"{text[:colon]} &{_free(text, like)}{text[colon:]}"


def _free(text: str, name: str) -> str:
    taken = set(re.findall(r"&([\w-]+)", text))
    return next(n for n in (name, f"{name}_block", *(f"{name}_{i}" for i in range(2, 1000))) if n not in taken)
