"""The simulator's step timer, which MuJoCo's Python binding turns on and leaves no way to turn off.

With it every physics step reads the clock many times; without it physics alone runs 1.1 to 1.26 times as fast, to the
same bits.
"""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path

import mujoco

SYMBOL = "mjcb_time"


@cache
def stop() -> bool:
    """Take the timer out of this process. Returns whether it was found; what is simulated does not depend on it."""
    timer = _timer()
    if timer is None:
        return False
    timer.value = None
    return True


def _timer() -> ctypes.c_void_p | None:
    """The library's pointer to its clock; None where the library or the symbol is somewhere else in another version."""
    for path in sorted(Path(mujoco.__file__).parent.glob("libmujoco*")):
        try:
            return ctypes.c_void_p.in_dll(ctypes.CDLL(str(path)), SYMBOL)
        except (OSError, ValueError):
            continue
    return None
