"""MuJoCo's renderer, with a clear error if there is none."""

from __future__ import annotations

import mujoco

from harness.errors import BenchError


def renderer(model: mujoco.MjModel, height: int, width: int) -> mujoco.Renderer:
    """Return a renderer of pictures of that many pixels. Raises BenchError without OpenGL."""
    try:
        return mujoco.Renderer(model, height, width)
    except Exception as error:  # each library of OpenGL fails in a different way
        raise BenchError(
            f"cannot draw a picture ({' '.join(str(error).split()) or type(error).__name__}): set MUJOCO_GL=egl or"
            " osmesa before Python starts, and install libegl1 or libosmesa6 if it is missing"
        ) from None
