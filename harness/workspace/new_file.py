"""Copy an algorithm's file under another name: rename its class and the name in its Params, and its docstring."""

from __future__ import annotations

import ast
import io
import re
import tokenize

from harness.errors import BenchError

HEAD = '''"""{name}: say in a line what it does.

Every tensor has the seeds as its first axis, every random number comes from `draws`, and nothing is remembered
outside parameters, buffers and optimisers: `bench check {name}` looks after that. Made from {origin}.
"""
'''


def renamed_source(text: str, origin: str, old: str, name: str) -> str:
    """Return the source of algorithm `old` as that of `name`. Raises BenchError unless it has exactly one Method."""
    tree = ast.parse(text)
    methods = [
        n.name for n in tree.body if isinstance(n, ast.ClassDef) and any(_last(base) == "Method" for base in n.bases)
    ]
    literal = re.compile(rf"(algorithm\s*:\s*(?:\w+\.)?Literal\[)([\"']){re.escape(old)}\2(?=\])")
    if len(methods) != 1 or len(literal.findall(text)) != 1:
        raise BenchError(
            f'{origin} cannot be copied: it should have one `class ...(Method)` and one `algorithm: Literal["{old}"]`'
        )
    text = literal.sub(rf'\g<1>"{name}"', text)
    words = {token.string for token in _tokens(text) if token.type == tokenize.NAME}
    camel = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    text = _with_name(text, methods[0], f"{camel}Method" if camel in words - {methods[0]} else camel)
    return HEAD.format(name=name, origin=origin) + _without_docstring(text)


def _last(node: ast.expr) -> str:
    """Return the last name of a base class: "Method" for Method, Method[Source] and contracts.Method."""
    if isinstance(node, ast.Subscript):
        node = node.value
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _tokens(text: str) -> list[tokenize.TokenInfo]:
    return list(tokenize.generate_tokens(io.StringIO(text).readline))


def _with_name(text: str, old: str, new: str) -> str:
    """Replace the name `old` by `new` in code, but not in strings and comments."""
    lines = text.splitlines(keepends=True)
    for token in reversed(_tokens(text)):
        if token.type == tokenize.NAME and token.string == old:
            row, column = token.start[0] - 1, token.start[1]
            lines[row] = lines[row][:column] + new + lines[row][column + len(old) :]
    return "".join(lines)


def _without_docstring(text: str) -> str:
    tree = ast.parse(text)
    if ast.get_docstring(tree) is None:
        return "\n" + text
    return "".join(text.splitlines(keepends=True)[tree.body[0].end_lineno :])
