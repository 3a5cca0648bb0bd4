"""The one error that a user can cause, and the hint at the name that was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BenchError(Exception):
    """Invalid input. The message states the problem and its cure in one line; `bench` prints it and exits with status
    2.
    """


def reason(error: Exception) -> str:
    """Return why something was left out, in one line: the message of a BenchError, or type and message of another
    error.
    """
    words = " ".join(str(error).split())
    return words if isinstance(error, BenchError) else f"{type(error).__name__}: {words}".removesuffix(": ")


def unknown(what: str, name: object, known: Iterable[object]) -> str:
    """Return the message for a name that is not in `known`, e.g. 'task piar: unknown; did you mean pair?'."""
    return f"{what}: unknown; {nearest(name, known)}"


def unknown_key(where: str, key: object, known: Iterable[object]) -> str:
    """Return the message for an unknown key of a parameter file, e.g. 'methods.pair.losss: unknown key; did you mean
    loss?'.
    """
    return f"{where}: unknown key; {nearest(key, known)}"


def nearest(name: object, known: Iterable[object]) -> str:
    """Return 'did you mean pair?', or 'known: a, b' if no name is similar."""
    names = sorted(map(str, known))
    near = difflib.get_close_matches(str(name), names, 1, 0.4)
    return f"did you mean {near[0]}?" if near else f"known: {', '.join(names) or 'none'}"
