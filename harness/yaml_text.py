"""Read and write YAML by one library and by DVC's rules: version 1.2, and only plain values."""

from __future__ import annotations

import math
import sys
import unicodedata
from io import StringIO
from pathlib import Path
from typing import Any

from harness.errors import BenchError
from harness.files import read_bytes

LARGEST_FILE = 2 * 2**20  # bytes
DEEPEST = 100  # levels of nested blocks
LAYOUT = "\n\t"  # the control characters that a string may contain
MOST_VALUES = 200_000  # with every alias expanded: aliases of aliases can expand to more than any memory holds


def load(path: Path) -> Any:
    """Read a YAML file as `parse` reads text. Raises BenchError if it is too large, and FileNotFoundError if it is
    missing.
    """
    try:
        if (size := path.stat().st_size) > LARGEST_FILE:
            raise BenchError(
                f"{path} is too large for parameters: it has {size} bytes, and at most {LARGEST_FILE} are allowed"
            )
        content = read_bytes(path)
        text = content.decode("utf-8")
    except FileNotFoundError:
        raise
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BenchError(f"{path}, line {line}: is not UTF-8 text: save the file in that encoding") from None
    except OSError as error:
        raise BenchError(f"{path} is not valid YAML: {error}") from None
    return parse(text, str(path))


def parse(text: str, where: str = "the text") -> Any:
    """Return the content of YAML text: mappings, lists, strings, numbers, booleans and None.

    Raises BenchError, in one line that begins with `where`, if the text is not valid YAML, repeats a key, or contains a
    value of another kind, an integer that exceeds every float, or a string with control characters.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import SafeConstructor

    class Bounded(SafeConstructor):
        def construct_document(self, node: Any) -> Any:
            if _size(node, {}) > MOST_VALUES:
                raise BenchError(f"{where} expands to more than {MOST_VALUES} values: use fewer aliases")
            return super().construct_document(node)

    yaml = YAML(typ="safe")
    yaml.Constructor = Bounded
    try:
        if _too_deep(text):  # the C parser ends the process if the stack overflows
            raise BenchError(f"{where} has more than {DEEPEST} levels of nested blocks: flatten it")
        content = yaml.load(text)
    except BenchError:
        raise
    except Exception as error:
        raise BenchError(f"{where} is not valid YAML: {_in_a_line(error)}") from None
    _check_plain(content, where)
    return content


def dump(content: Any) -> str:
    """Return YAML text from which `load` reads the same content: keys in their order, no aliases."""
    from ruamel.yaml import YAML

    yaml, text = YAML(), StringIO()
    yaml.default_flow_style = False
    yaml.width = 120
    yaml.representer.ignore_aliases = lambda data: True
    yaml.dump(content, text)
    return text.getvalue()


def _in_a_line(error: Exception) -> str:
    """Return the message of an error in one line, without the library's advice to programmers."""
    words = [getattr(error, part, None) for part in ("context", "problem", "problem_mark")]
    text = " ".join(str(word) for word in words if word) if words[1] else str(error)
    return " ".join(text.replace('in "<unicode string>",', "at").split())


def _too_deep(text: str) -> bool:
    from ruamel.yaml import YAML
    from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent

    depth = 0
    for event in YAML(typ="safe").parse(text):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > DEEPEST:
            return True
    return False


def _size(node: Any, known: dict[int, float]) -> float:
    """Return the number of nodes below a node with aliases expanded; it is infinite for a node that contains itself."""
    if id(node) not in known:
        known[id(node)] = math.inf
        children = node.value if isinstance(node.value, list) else []
        flat = [part for child in children for part in (child if isinstance(child, tuple) else (child,))]
        known[id(node)] = 1 + sum(_size(child, known) for child in flat)
    return known[id(node)]


def _check_plain(content: Any, where: str) -> None:
    if isinstance(content, dict):
        for key, value in content.items():
            if not isinstance(key, str | int | float):
                raise BenchError(f"{where}: the key {key!r} must be a string: put it in quotes")
            _check_scalar(key, f"{where}: a key")
            _check_plain(value, f"{where}.{key}")
    elif isinstance(content, list):
        for i, value in enumerate(content):
            _check_plain(value, f"{where}[{i}]")
    elif not isinstance(content, str | int | float | None):
        raise BenchError(f"{where} = {content}: must be a string or a number: put a string in quotes")
    else:
        _check_scalar(content, where)


def _check_scalar(value: str | float | None, where: str) -> None:
    """Raise BenchError for a value that cannot be written, not even into a message: Python does not print an integer of
    thousands of digits.
    """
    if isinstance(value, int) and abs(value) > sys.float_info.max:
        raise BenchError(f"{where} is an integer of {value.bit_length()} bits, which is too large: use one below 1e308")
    if isinstance(value, str):
        for char in value:
            if unicodedata.category(char) == "Cc" and char not in LAYOUT:
                raise BenchError(f"{where} contains the control character {char!a}: remove it")
