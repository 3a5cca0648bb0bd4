"""How far a policy strays from its clip: the error of joint rotations in rad, and the time until it falls.

Peng et al. (2019) report the mean joint rotation error of a rollout of 20 s, where everything after a fall counts as
pi. They do not say whether the mean includes the root. The headline does, and the error of the joints alone is a
further score.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from harness.contracts import ControlOutputs, Score
from harness.metrics.evaluation import Evaluation
from harness.sim.bodies import CONTROL_RATE
from harness.tasks.mocap import Mocap, TrackingErrors

STREAM = "eval"
LABELS = {
    "error": "joint rotation error (rad)",
    "error_joints": "joint rotation error without the root (rad)",
    "error_drawn": "joint rotation error, actions drawn (rad)",
    "error_alive": "joint rotation error until the fall (rad)",
    "time": "time until the fall (s)",
}


def compute(ev: Evaluation[Mocap, ControlOutputs]) -> dict[str, Score]:
    """Return means over episodes from evenly spaced phases.

    They are of the policy's mode, except error_drawn, which exists only at the end of a run. A seed with an action that
    is not finite is scored at the floor: an error of pi and no time.
    """
    task = ev.task
    found, finite = track(ev)
    scores = summary(found)
    if ev.endpoint:
        drawn, too = track(ev, drawn=True)
        scores["error_drawn"], finite = summary(drawn)["error"], finite & too
    manifest = {
        "clip": task.recording.name,
        "body": task.params.body,
        "n_episodes": task.params.score.n_episodes,
        "seconds": task.params.score.seconds,
        "data": task.data_hash,
    }
    still = still_policy(task, ev.device)
    result = {}
    for name, values in scores.items():
        floor = 0.0 if name == "time" else float(np.pi)
        values = np.where(finite & np.isfinite(values), values, floor)
        references = {"no action": still[name]} if name in still else {}
        result[name] = Score(values, name == "time", floor, LABELS[name], name == "error", manifest, references)
    return result


def track(ev: Evaluation[Mocap, ControlOutputs], drawn: bool = False) -> tuple[TrackingErrors, np.ndarray]:
    """Return the episodes, and whether all actions of a seed were finite [S]; the noise is the same for all methods."""
    task, outputs = ev.task, ev.outputs
    n, steps = task.params.score.n_episodes, round(task.params.score.seconds * CONTROL_RATE)
    noise = outputs.noise(ev.draws, (steps, n), "motion/policy", STREAM) if drawn else None
    finite = torch.ones(ev.n_seeds, dtype=torch.bool, device=ev.device)

    def act(observations: Tensor, t: int) -> Tensor:
        actions = outputs.act(observations, None if noise is None else noise[:, t])
        finite.logical_and_(torch.isfinite(actions).flatten(1).all(1))
        return actions

    return task.track(act, ev.n_seeds, ev.device), finite.cpu().numpy()


def summary(found: TrackingErrors) -> dict[str, np.ndarray]:
    """Return the scores [S] of episodes."""
    each, up = found.errors.double(), found.up.double()
    whole = each.mean(-1)
    alive = (whole * up).sum((1, 2)) / up.sum((1, 2)).clamp(min=1)
    parts = {
        "error": whole.mean((1, 2)),
        "error_joints": each[..., 1:].mean((1, 2, 3)),
        "error_alive": torch.where(up.any(2).any(1), alive, torch.pi),
        "time": up.sum(1).mean(1) / CONTROL_RATE,
    }
    return {name: part.cpu().numpy() for name, part in parts.items()}


@lru_cache(maxsize=8)
def still_policy(task: Mocap, device: torch.device) -> dict[str, float]:
    """Return the scores of a policy whose actions are all zero, as those of an untrained policy nearly are."""
    nothing = torch.zeros(1, task.params.score.n_episodes, task.spec.action_size, device=device)
    found = summary(task.track(lambda o, t: nothing, 1, device))
    return {name: float(values[0]) for name, values in found.items()}
