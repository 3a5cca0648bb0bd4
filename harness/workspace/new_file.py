"""Copy an algorithm's file as another one: rename its class and replace its docstring. The file does not contain its
name.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize

from harness.errors import BenchError

HEAD = '''"""Say in a line what it does.

Every tensor has the seeds as its first axis, every random number comes from `draws`, and nothing is remembered
outside parameters, buffers and optimisers: `bench check METHOD` looks after that. Made from {origin}.
{shown}"""
'''
REPEATED = "Literal"  # the type that an algorithm's own name has in its Params


def renamed_source(text: str, origin: str, name: str, shown: str = "") -> str:
    """Return the source of an algorithm as that of `name`. Raises BenchError unless it has exactly one Method.

    shown: a line for its docstring, such as a block to start from.
    """
    methods = [
        n.name
        for n in ast.parse(text).body
        if isinstance(n, ast.ClassDef) and any(_last(base) == "Method" for base in n.bases)
    ]
    if len(methods) != 1:
        raise BenchError(f"{origin} cannot be copied: it should have one `class ...(Method)`")
    text = _without_own_name(text)
    words = {token.string for token in _tokens(text) if token.type == tokenize.NAME}
    camel = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    text = _with_name(text, methods[0], f"{camel}Method" if camel in words - {methods[0]} else camel)
    return HEAD.format(origin=origin, shown=shown and f"\n    {shown}\n") + _without_docstring(text)


def _without_own_name(text: str) -> str:
    """Params without the field `algorithm`, which repeats the file's name; and without the import that it needed."""
    lines = text.splitlines(keepends=True)
    for params in ast.parse(text).body:
        if not isinstance(params, ast.ClassDef) or params.name != "Params":
            continue
        for field in params.body:
            if isinstance(field, ast.AnnAssign) and ast.unparse(field.target) == "algorithm":
                kept = "    pass\n" if len(params.body) == 1 else ""
                lines[field.lineno - 1 : field.end_lineno] = [kept]
    text = "".join(lines)
    if sum(token.type == tokenize.NAME and token.string == REPEATED for token in _tokens(text)) == 1:
        line = f"from typing import {REPEATED}\n"
        text = text.replace(f"\n\n{line}\n", "\n\n").replace(line, "")
        text = re.sub(rf"^(from typing import .*?)(?:, {REPEATED}\b|\b{REPEATED}, )", r"\1", text, flags=re.M)
    return text


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
