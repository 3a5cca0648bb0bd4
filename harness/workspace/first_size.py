"""Choose how large the first runs in an environment of your own are, and say beside each number how to go on.

A first run is small: it shows within minutes, on a busy machine too, whether anything is learnt.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

LEAST, EXPERT, PUPIL = 60, 150, 80  # updates: at least, and at most of an expert and of what imitates it
STEPS = 40_000  # of one environment in all updates, about: what a minute is spent on
EVALUATIONS = 5
ROLLOUT = 800  # steps of a seed in one update, about
ENVIRONMENTS = (4, 16)  # of a seed, at least and at most: with one, gail learns CartPole half as far in as many updates
EPISODES = 8  # demonstrated at least
Lines = list[str]


def environments(horizon: int) -> int:
    """Return the number of environments of a seed, each of which makes one episode in an update."""
    least, most = ENVIRONMENTS
    return max(least, min(most, ROLLOUT // horizon))


def updates_shown(horizon: int) -> int:
    """Return how many of the last updates an expert demonstrates, so that they contain at least EPISODES episodes."""
    return math.ceil(EPISODES / environments(horizon))


def updates(horizon: int, most: int) -> int:
    """Return the number of updates of a run, which takes about a minute on a core of its own."""
    return max(LEAST, min(most, STEPS // horizon))


def expert_lines(horizon: int) -> Lines:
    """Return the lines of an expert's task that set the size of its runs."""
    return _run_lines(updates(horizon, EXPERT), ", and then what imitates it")


def pupil_lines(task: str, horizon: int) -> Lines:
    """Return the same lines of a task of imitation that stands alone."""
    return [*_run_lines(updates(horizon, PUPIL)), _further_line(task)]


def difference_lines(task: str, horizon: int) -> Lines:
    """Return the lines in which the size of a task of imitation differs from that of its expert."""
    return [_steps_line(updates(horizon, PUPIL)), _further_line(task)]


def _run_lines(n: int, also: str = "") -> Lines:
    return [
        "seeds: [0, 1, 2]",
        "block: 3  # seeds that are trained as one stack",
        _steps_line(n, also),
        f"evaluations: {EVALUATIONS}  # scored points of a run, the last one at its end",
    ]


def _steps_line(n: int, also: str = "") -> str:
    return f"steps: {n}  # updates; more train this task from the start{also}"


def _further_line(task: str) -> str:
    return f"# More seeds, beside those that are trained: `bench train {task} --more-seeds 7`"


def learner_lines(model: Mapping[str, Any], horizon: int, ranges: np.ndarray | None) -> Lines:
    """Return the lines of a learner's block that differ from those of the method that it is like.

    An environment of your own with continuous actions gets what short runs need: rewards of the near future only, a
    rate that does not decay, and actions that begin within their range.

    model: the learner of that method.
    horizon: the steps of an episode.
    ranges: the range of each continuous action, [A, 2], of an environment of your own, and otherwise None.
    """
    n = environments(horizon)
    size = f"n_envs: {n}  # episodes of a seed in one update, {n * horizon} steps; more are steadier and slower"
    if ranges is None:
        return [size, "gamma: 0.99"]
    std = f"policy: {{initial_std: {deviation(ranges):g}}}  # a quarter of the range of the actions"
    return [size, "gamma: 0.95  # the weight of the next reward; 0.99 looks further ahead", *_steady(model), std]


def _steady(model: Mapping[str, Any]) -> Lines:
    """Return the lines that let no rate decay, where those of `model` do."""
    kept = "optimizer: {decay: null}"

    def decays(block: Mapping[str, Any]) -> bool:
        return bool((block.get("optimizer") or {}).get("decay"))

    own, value = decays(model), decays(model.get("value") or {})
    return [kept] * own + [f"value: {{{kept}}}"] * value


def deviation(ranges: np.ndarray) -> float:
    """Return a quarter of the range of the actions, of their geometric mean if they differ."""
    widths = np.ptp(ranges, axis=1)
    return float(f"{np.exp(np.log(widths).mean()) / 4:.2g}")
