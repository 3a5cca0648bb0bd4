"""Load an expert's episodes that its cell stored, check them, and select the complete ones."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

import numpy as np

from harness.errors import BenchError

KIND = "demonstrations/"
NAMES = ("observations", "actions", "rewards", "last_observations", "whole")
Reward = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]  # of observations, actions, next observations


class Episodes(NamedTuple):
    """E episodes of T steps, all float32.

    observations, next_observations: [T, E, O].
    actions: [T, E, A].
    rewards: [T, E].
    """

    observations: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray
    next_observations: np.ndarray


def load(
    path: str | None,
    task: str,
    horizon: int,
    n_observations: Collection[int],
    n_actions: int,
    reward: Reward | None = None,
    whole_only: bool = True,
) -> Episodes:
    """Return the episodes in `path` that last the whole horizon.

    The file contains observations, actions and rewards [1, T, E, ...], the observations after the last step
    `last_observations` [1, E, O], and `whole` [1, E], whether an episode did not end early. A file of an older archive
    lacks the last three and contains `next_observations` [1, T, E, O] instead. Raises BenchError if the file is
    missing, damaged or of other sizes.

    n_observations: the allowed sizes of an observation.
    reward: the task's own reward function, which files of older archives need.
    whole_only: False also selects the other episodes, where rows of an episode that ended are followed by those of the
        next one.
    """
    if path is None:
        raise BenchError(f"{task} has no demonstrations: set tasks.{task}.demonstrations to the expert's cell")
    if not Path(path).is_file():
        raise BenchError(f"{path}, which holds the demonstrations of {task}, is missing: train the expert's cell first")
    try:
        with np.load(path) as file:
            held = {name.removeprefix(KIND): file[name][0] for name in file.files if name.startswith(KIND)}
        if reward is not None and "whole" not in held:
            held = _upgrade(held, reward)
        observations, actions, rewards, last, whole = (held[name] for name in NAMES)
        n = len(whole)
        size = observations.shape[-1]
        fits = (
            size in n_observations
            and observations.shape == (horizon, n, size)
            and actions.shape == (horizon, n, n_actions)
        )
        fits &= rewards.shape == (horizon, n) and last.shape == (n, size) and bool(whole.any() or not whole_only)
        fits &= all(np.isfinite(part).all() for part in (observations, actions, rewards, last))
    except (OSError, ValueError, KeyError, IndexError, EOFError, TypeError, zipfile.BadZipFile):
        fits = False
    if not fits:
        widths = " or ".join(map(str, sorted(n_observations)))
        raise BenchError(
            f"{path} does not hold demonstrations of {horizon} steps with {widths} observations and {n_actions}"
            " actions: train the expert's cell again"
        )
    following = np.concatenate([observations[1:], last[None]])
    taken = whole if whole_only else np.ones_like(whole)
    return Episodes(*(part[:, taken].astype(np.float32) for part in (observations, actions, rewards, following)))


def _upgrade(held: dict[str, np.ndarray], reward: Reward) -> dict[str, np.ndarray]:
    """Convert arrays of the first files to the current form.

    What the first files lack follows from the rest, because only the time limit ended their episodes.
    """
    observations, following = held["observations"], held["next_observations"]
    if following.shape != observations.shape:
        raise ValueError(f"{observations.shape} observations, {following.shape} after them")
    rewards = reward(observations, held["actions"], following)
    return held | {"rewards": rewards, "last_observations": following[-1], "whole": np.ones(following.shape[1], bool)}
