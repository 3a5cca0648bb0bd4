"""Read and check an expert's episodes, of which only whole ones are used, and the scores of the expert's cell."""

from __future__ import annotations

import csv
import math
import zipfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

import numpy as np

from harness import seal
from harness.errors import BenchError
from harness.store import SCORES

KIND = "demonstrations/"
NAMES = ("observations", "actions", "rewards", "last_observations", "whole")
PLACE = f"{KIND}place"  # [1]: of the expert's seed in its first block; older files have none
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
        raise BenchError(f"{path}, the demonstrations of {task}, is missing: train the expert's cell first")
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


def scores(path: str, ordered_by: str) -> dict[str, float]:
    """Return the final scores, by metric, of the expert whose cell wrote `path`.

    Like the scores of every policy they are means over all of its fresh episodes. Files of an older archive do not name
    their seed; it is then the one with the highest `ordered_by`. Raises BenchError if the scores are missing or
    damaged.
    """
    file = Path(path).with_name(SCORES)
    if not file.is_file():
        raise BenchError(f"{file}, the scores of the expert, is missing: train the expert's cell first")
    seal.check(file.parent, [SCORES])
    try:
        with file.open(encoding="utf-8", newline="") as text:
            rows = [(row["seed"], int(row["step"]), row["metric"], float(row["value"])) for row in csv.DictReader(text)]
        last = max(step for _, step, *_ in rows)
        found: dict[str, dict[str, float]] = {}  # seed -> metric -> value, in the order of the cell's seeds
        for seed, step, metric, value in rows:
            if step == last:
                found.setdefault(seed, {})[metric] = value
        with np.load(path) as left:
            place = int(left[PLACE][0]) if PLACE in left.files else None
        best = (
            max(found.values(), key=lambda of_seed: of_seed[ordered_by]) if place is None else [*found.values()][place]
        )
        if not all(map(math.isfinite, best.values())):
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError, IndexError, EOFError, zipfile.BadZipFile):
        raise BenchError(f"{file} does not contain the scores of an expert: train the expert's cell again") from None
    return best


def _upgrade(held: dict[str, np.ndarray], reward: Reward) -> dict[str, np.ndarray]:
    """Bring arrays to the form that files have today.

    What the first files lack follows from the rest, because only the time limit ended their episodes.
    """
    observations, following = held["observations"], held["next_observations"]
    if following.shape != observations.shape:
        raise ValueError(f"{observations.shape} observations, {following.shape} after them")
    rewards = reward(observations, held["actions"], following)
    return held | {"rewards": rewards, "last_observations": following[-1], "whole": np.ones(following.shape[1], bool)}
