"""Many copies of any Gymnasium environment through its vector interface, which steps one after the other.

The observation space must be a Box, and observations are flattened. The action space must be a Box, to whose range
actions are clipped, or Discrete, whose actions are one-hot rows. An episode is determined by its seed and the actions.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

from harness.errors import BenchError, reason


class StepResult(NamedTuple):
    """The result of a step of n environments.

    observations: [n, O].
    rewards: [n].
    terminated, truncated: [n] bool.
    """

    observations: np.ndarray
    rewards: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray


class Motors(NamedTuple):
    """The part of a robot's model that scores read: the number of actions, and the range of each, [A, 2]."""

    nu: int
    actuator_ctrlrange: np.ndarray


@dataclass(frozen=True)
class AnyRobot:
    """The properties of a Gymnasium environment.

    Raises BenchError when one of them is read if there is no such environment or if its spaces are not supported.

    name: Gymnasium's id, or `module:id` for an environment of your own, whose module is in the project's folder or
        installed.
    """

    name: str
    mark: float | None = None

    @cached_property
    def _one(self) -> gymnasium.Env:
        if (here := str(Path.cwd())) not in sys.path:
            sys.path.append(here)
        try:
            return gymnasium.make(self.name)
        except Exception as error:  # whatever an environment of one's own does
            raise BenchError(
                f"gymnasium.make({self.name!r}) fails: {reason(error)}: name one of Gymnasium's environments, or "
                "MODULE:ID with the module in the project's folder"
            ) from None

    @cached_property
    def horizon(self) -> int:
        """The time limit, or 0 if there is none."""
        limit = self._one.spec.max_episode_steps if self._one.spec else None
        return limit or 0

    @property
    def observation_size(self) -> int:
        space = self._one.observation_space
        if not isinstance(space, spaces.Box):
            raise BenchError(
                f"{self.name}: the observation space must be a Box, got {space}: wrap it in FlattenObservation"
            )
        return int(np.prod(space.shape))

    @property
    def discrete(self) -> bool:
        """Whether an action selects one of `model.nu`."""
        return isinstance(self._actions, spaces.Discrete)

    @property
    def _actions(self) -> spaces.Space:
        space = self._one.action_space
        if not isinstance(space, spaces.Box | spaces.Discrete):
            raise BenchError(
                f"{self.name}: the action space must be a Box or Discrete, got {space}: wrap the environment"
            )
        return space

    @cached_property
    def model(self) -> Motors:
        space = self._actions
        if isinstance(space, spaces.Discrete):
            return Motors(int(space.n), np.array([[0.0, 1.0]] * int(space.n)))
        assert isinstance(space, spaces.Box)
        low, high = (np.where(np.isfinite(end), end, side).ravel() for end, side in ((space.low, -1), (space.high, 1)))
        return Motors(len(low), np.stack([low, high], 1).astype(float))

    @cached_property
    def fingerprint(self) -> list[Any]:
        """What identifies the environment: its name and code, Gymnasium's version, and a few steps from two seeds."""
        worlds = AnyWorlds(self, 2)
        seen: list[Any] = [worlds.reset(np.array([1, 2]))]
        low, high = self.model.actuator_ctrlrange.T
        for share in (0.5, 0.0, 1.0):
            action = low + share * (high - low) if not self.discrete else np.eye(self.model.nu)[int(share)]
            seen += list(worlds.step(np.stack([action, action])))
        path = inspect.getsourcefile(type(self._one.unwrapped))
        code = hashlib.sha256(Path(path).read_bytes()).hexdigest() if path else ""
        return [self.name, gymnasium.__version__, code, [np.round(np.asarray(x, float), 6).tolist() for x in seen]]


class AnyWorlds:
    """`n` environments. No state persists from one episode to the next."""

    def __init__(self, robot: AnyRobot, n: int):
        self.robot, self.n = robot, n
        assert robot.observation_size and robot.model.nu  # raises for spaces of the wrong kinds
        settings = {"autoreset_mode": AutoresetMode.DISABLED}
        self._env = gymnasium.make_vec(robot.name, n, vectorization_mode="sync", vector_kwargs=settings)

    def reset(self, seeds: np.ndarray, which: np.ndarray | None = None) -> np.ndarray:
        """Begin an episode from `seeds` [n] in the environments `which` [n] bool (all); returns observations [n, O] of
        all.
        """
        options = None if which is None else {"reset_mask": which}
        observations, _ = self._env.reset(seed=[int(seed) for seed in seeds], options=options)
        return self._flat(observations)

    def step(self, actions: np.ndarray) -> StepResult:
        """Make one step under actions [n, A]."""
        actions = np.nan_to_num(actions)
        space = self._env.single_action_space
        if isinstance(space, spaces.Discrete):
            taken: np.ndarray = actions.argmax(1) + space.start
        else:
            assert isinstance(space, spaces.Box)
            shaped = actions.reshape(self.n, *space.shape)
            taken = np.clip(shaped, space.low, space.high).astype(space.dtype)
        observations, rewards, terminated, truncated, _ = self._env.step(taken)
        return StepResult(self._flat(observations), np.asarray(rewards, np.float64), terminated, truncated)

    def _flat(self, observations: np.ndarray) -> np.ndarray:
        return np.array(observations, np.float64).reshape(self.n, -1)
