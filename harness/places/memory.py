"""Recognise how Python, its libraries and the system report a lack of memory or of disk, and name the cure."""

from __future__ import annotations

import errno
from collections.abc import Iterator

CURE = "run fewer --jobs, take a smaller block or batch, or raise the limit; finished work is kept"
# Messages of libraries that have no type of error for it: torch for a tensor on the CPU, Python for a thread's stack,
# and the loader for a library's code.
WORDS = ("can't allocate memory", "cannot allocate memory", "can't start new thread", "failed to map segment")


def told(error: BaseException) -> str | None:
    """Return the line for an error that was caused by a lack of memory; None for any other."""
    if CURE in str(error):  # it was reported where it occurred
        return None
    for cause in causes(error):
        said = " ".join(str(cause).split())
        if isinstance(cause, MemoryError) or type(cause).__name__ == "OutOfMemoryError":  # the latter is torch's
            return f"out of memory{f' ({said:.120})' if said else ''}: {CURE}"
        if isinstance(cause, OSError) and cause.errno == errno.ENOMEM:
            return f"out of memory: {CURE}"
        for words in WORDS:
            if words in said.lower():
                return f"out of memory ({said[said.lower().index(words) :]:.120}): {CURE}"
    return None


def disk_full(error: BaseException) -> bool:
    """Return whether an error was caused by a full disk or a used-up quota."""
    return any(isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT) for cause in causes(error))


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error and those that caused it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
