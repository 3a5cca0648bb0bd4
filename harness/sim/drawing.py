"""MuJoCo's renderer, or one line that says why there is none."""

from __future__ import annotations

import mujoco

from harness.errors import BenchError


def renderer(model: mujoco.MjModel, height: int, width: int) -> mujoco.Renderer:
    """Draws pictures of so many pixels. Raises BenchError where there is no OpenGL."""
    try:
        return mujoco.Renderer(model, height, width)
    except Exception as error:  # the libraries of OpenGL fail each in its own way
        raise BenchError(
            f"cannot draw a picture ({' '.join(str(error).split()) or type(error).__name__}): set MUJOCO_GL=egl or"
            " osmesa before Python starts, and install libegl1 or libosmesa6 if it is missing"
        ) from None
