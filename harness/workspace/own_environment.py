"""Check an environment of your own before anything is written about it: it is registered, and its first steps work."""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
from pathlib import Path

import gymnasium
import numpy as np

from harness.errors import BenchError, reason
from harness.sim.gymnasium_worlds import AnyRobot


def check_registered(env: str) -> None:
    """Raise BenchError with the missing line if `env` names a class, as MODULE:CLASS, that is not registered.

    Whatever else is wrong with a module or an id is told where the environment is made.
    """
    module, colon, name = env.partition(":")
    if not colon:
        return
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    try:
        found = getattr(importlib.import_module(module), name, None)
    except Exception:
        return
    known = {name for spec in gymnasium.registry.values() for name in (spec.id, spec.name)}
    if inspect.isclass(found) and issubclass(found, gymnasium.Env) and name not in known:
        line = f'gymnasium.register("{name}-v0", "{env}", max_episode_steps=100)'
        raise BenchError(f"{module} does not register its class {name}: end the file with the line {line}")


def rehearse(robot: AnyRobot) -> None:
    """Take the environment's first steps. Raises BenchError if they fail, or are not of finite numbers."""
    try:
        *_, seen = robot.fingerprint
    except Exception as error:  # whatever an environment of one's own does
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(last.filename).name}, line {last.lineno}"
        raise BenchError(
            f"{robot.name} fails in its first steps ({place}: {reason(error)}): mend its reset or step"
        ) from None
    if not all(np.isfinite(values).all() for values in seen):
        raise BenchError(f"{robot.name} returns NaN or infinity in its first steps: mend its observations or rewards")
