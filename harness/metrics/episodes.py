"""True returns of a policy on a robot, as Gymnasium counts them, beside those of the expert and of random actions."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

from harness.contracts import ControlOutputs, Rollout, Score
from harness.metrics.evaluation import Evaluation
from harness.run.seeds import CounterDraws
from harness.tasks.locomotion import Locomotion

STREAM = "eval"
LABELS = {
    "return": "return",
    "return_mode": "return of the policy's mode",
    "return_fixed": "return over the whole time, falls included",
    "length": "steps until the end of an episode",
    "normalised": "return: 0 for actions at random, 1 for the expert",
    "normalised_mode": "return of the policy's mode: 0 for actions at random, 1 for the expert's mode",
}
ENOUGH = 0.6  # of the mark: normalised by a weaker expert, every method would look too good
EXPERT, RANDOM = "expert", "actions at random"
NORMALISED = {"return": "normalised", "return_mode": "normalised_mode"}


def compute(ev: Evaluation[Locomotion, ControlOutputs]) -> dict[str, Score]:
    """Return undiscounted means over n_episodes from a reset. Except for return_fixed, an episode ends where Gymnasium
    ends it.

    The scores normalised and normalised_mode exist only if the task's demonstrations come from a policy good enough to
    be called an expert. They are linear between random actions and the expert's result in the same setting: sampling
    its actions or taking their mode, over the same horizon, and over all of its episodes, not only the complete ones
    that are demonstrated. A run with an action that is not finite is scored as random actions.
    """
    task = ev.task
    drawn, mode = rollout(ev), rollout(ev, mode=True)
    random = random_scores(task, ev.device)
    found = {
        "return": (returns(drawn), random["return"]),
        "return_mode": (returns(mode), random["return"]),
        "return_fixed": (drawn.rewards.double().sum(1).mean(1).cpu().numpy(), random["return_fixed"]),
        "length": (lengths(drawn), random["length"]),
    }
    references = {name: {RANDOM: random["return"]} for name in NORMALISED}
    between = {}  # the metric -> what it is linear between
    for name, normalised in NORMALISED.items():
        if (reached := task.expert.get(name)) is not None:
            references[name][EXPERT] = reached
            if is_expert(task, reached, random["return"]):
                found[normalised] = ((found[name][0] - random["return"]) / (reached - random["return"]), 0.0)
                between[normalised] = {"between": references[name]}
    finite = np.isfinite(drawn.actions.cpu().numpy()).all((1, 2, 3))
    manifest = {
        "robot": task.robot.name,
        "n_episodes": task.params.score.n_episodes,
        "horizon": task.horizon,
        "data": task.data_hash,
    }
    return {
        name: Score(
            np.where(finite & np.isfinite(values), values, floor),
            True,
            floor,
            LABELS[name],
            name == "return",
            manifest | between.get(name, {}),
            references.get(name, {}),
        )
        for name, (values, floor) in found.items()
    }


def is_expert(task: Locomotion, expert: float, random: float) -> bool:
    """Whether the expert's return is at least ENOUGH of the way from random actions to the robot's mark.

    The marks are for Gymnasium's own horizon. For other horizons, any expert better than random is accepted.
    """
    mark = task.robot.mark if task.horizon == task.robot.horizon else None
    return expert > random if mark is None else expert - random >= ENOUGH * (mark - random)


def rollout(ev: Evaluation[Locomotion, ControlOutputs], mode: bool = False) -> Rollout:
    """Return episodes that only the horizon ends; resets and noise do not depend on the method."""
    outputs, task, n = ev.outputs, ev.task, ev.task.params.score.n_episodes
    noise = None if mode else outputs.noise(ev.draws, (task.horizon, n), "episodes/policy", STREAM)

    def act(observations, t):
        return outputs.act(observations, None if mode else noise[:, t])

    return task.scoring_source(ev.device).rollout(act, ev.draws, n, "episodes", STREAM)


def returns(found: Rollout) -> np.ndarray:
    """Return the return [S] up to and including the first step after which the robot is down."""
    return (found.rewards * alive_steps(found)).double().sum(1).mean(1).cpu().numpy()


def lengths(found: Rollout) -> np.ndarray:
    """Return the length [S] in steps."""
    return alive_steps(found).double().sum(1).mean(1).cpu().numpy()


def alive_steps(found: Rollout) -> torch.Tensor:
    """Return 1 for the steps up to and including the first one that ends the episode, else 0: [S, T, E]."""
    down = found.terminated.int()
    return (down.cumsum(1) - down == 0).to(found.rewards.dtype)


@lru_cache(maxsize=8)
def random_scores(task: Locomotion, device: torch.device) -> dict[str, float]:
    """Return the scores of actions drawn uniformly from the motors' range."""
    n, draws = task.params.score.n_episodes, CounterDraws((0,), "locomotion/random", device, lookahead=1)
    low, high = (torch.as_tensor(x, dtype=torch.float32, device=device) for x in task.robot.model.actuator_ctrlrange.T)
    u = draws.uniform(STREAM, "random", (task.horizon, n, len(low)))
    found = task.scoring_source(device).rollout(lambda o, t: low + (high - low) * u[:, t], draws, n, "random", STREAM)
    fixed = float(found.rewards.double().sum(1).mean())
    return {"return": float(returns(found)[0]), "return_fixed": fixed, "length": float(lengths(found)[0])}
