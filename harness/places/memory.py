"""When memory is short: the ways in which Python, its libraries and the system say so, as one line with the cure."""

from __future__ import annotations

import errno
from collections.abc import Iterator

CURE = "run fewer --jobs, take a smaller block or batch, or raise the limit; finished work is kept"
# What a library says where it has no kind of error for it: torch of a tensor on the CPU, Python of a thread's stack,
# the loader of a library's code.
WORDS = ("can't allocate memory", "cannot allocate memory", "can't start new thread", "failed to map segment")


def told(error: BaseException) -> str | None:
    """The line for an error whose cause is a lack of memory; None for any other."""
    if CURE in str(error):  # it has been told where it was met
        return None
    for cause in _causes(error):
        said = " ".join(str(cause).split())
        if isinstance(cause, MemoryError) or type(cause).__name__ == "OutOfMemoryError":  # the latter is torch's
            return f"out of memory{f' ({said:.120})' if said else ''}: {CURE}"
        if isinstance(cause, OSError) and cause.errno == errno.ENOMEM:
            return f"out of memory: {CURE}"
        for words in WORDS:
            if words in said.lower():
                return f"out of memory ({said[said.lower().index(words) :]:.120}): {CURE}"
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and those that it came from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
