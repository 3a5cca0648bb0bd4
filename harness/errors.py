"""The one error a user can cause, and the hint at the name that was meant: the problem and its cure in one line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BenchError(Exception):
    """Bad input. The message is one line; `bench` prints it and exits with status 2."""


def reason(error: Exception) -> str:
    """Why something was left out, in one line: a BenchError in its own words, any other error with its type."""
    words = " ".join(str(error).split())
    return words if isinstance(error, BenchError) else f"{type(error).__name__}: {words}".removesuffix(": ")


def unknown(what: str, name: object, known: Iterable[object]) -> str:
    """The line for a name that is not among the `known` ones, e.g. 'task piar: unknown; did you mean pair?'."""
    return f"{what}: unknown; {nearest(name, known)}"


def unknown_key(where: str, key: object, known: Iterable[object]) -> str:
    """The same for a key of a parameter file, e.g. 'methods.pair.losss: unknown key; did you mean loss?'."""
    return f"{where}: unknown key; {nearest(key, known)}"


def nearest(name: object, known: Iterable[object]) -> str:
    """'did you mean pair?', or where nothing is similar, 'known: a, b'."""
    names = sorted(map(str, known))
    near = difflib.get_close_matches(str(name), names, 1, 0.4)
    return f"did you mean {near[0]}?" if near else f"known: {', '.join(names) or 'none'}"
