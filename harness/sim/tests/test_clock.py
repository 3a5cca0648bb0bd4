"""The simulator without its step timer makes the same states, and the timer is where it is looked for."""

from __future__ import annotations

import mujoco
import numpy as np

from harness.sim import clock

FALLING = """
<mujoco>
  <worldbody>
    <geom type="plane" size="5 5 1"/>
    <body pos="0 0 1">
      <joint type="ball" damping="0.1"/><geom type="capsule" size="0.1 0.3" fromto="0 0 0 0.3 0.2 0"/>
    </body>
  </worldbody>
</mujoco>
"""


def states(steps: int = 50) -> np.ndarray:
    model = mujoco.MjModel.from_xml_string(FALLING)
    data = mujoco.MjData(model)
    data.qvel[:] = 1.0, -2.0, 0.5
    for _ in range(steps):
        mujoco.mj_step(model, data)
    return np.concatenate([data.qpos, data.qvel])


def test_the_timer_is_found_and_moves_no_state() -> None:
    timer = clock._timer()
    assert timer is not None, "another MuJoCo keeps its timer elsewhere: look for the symbol, or delete the file"
    saved = timer.value
    with_it = states()
    try:
        clock.stop.cache_clear()
        assert clock.stop()
        assert timer.value is None
        assert (states() == with_it).all()
    finally:
        timer.value = saved
        clock.stop.cache_clear()


def test_without_the_library_nothing_is_done(monkeypatch) -> None:
    monkeypatch.setattr(clock.mujoco, "__file__", "/nowhere/mujoco/__init__.py")
    assert clock._timer() is None
