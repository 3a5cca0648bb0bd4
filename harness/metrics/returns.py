"""Compute true returns of a policy in a maze, and where its episodes end."""

from __future__ import annotations

import numpy as np

from harness.contracts import ControlOutputs, Rollout, Score
from harness.metrics.evaluation import Evaluation
from harness.sim.mazes import C_BARRIER_Y, CONTROL_PERIOD
from harness.tasks.maze import MazeTask

STREAM = "eval"
POINTS = 25  # of a drawn path, besides its start
LABELS = {
    "return": "return",
    "return_mode": "return of the policy's mode",
    "return_flipped": "return of the same policy in the flipped maze",
    "final_distance": "distance to the target at the end (m)",
    "stuck": "share of episodes that end below the barrier",
}


def compute(ev: Evaluation[MazeTask, ControlOutputs]) -> dict[str, Score]:
    """Return means over episodes of undiscounted true returns of the policy, which samples its actions except in
    return_mode.

    The score `stuck` exists in the C-maze only. The score return_flipped is that of the same policy, without further
    training, in the flipped maze. A seed with an action that is not finite is scored at the floor: for returns, the
    lowest that positions allow, see `mazes.ContinuousMaze.lowest_return`.
    """
    task = ev.task
    drawn = rollout(ev, task)
    scores = {
        "return": _return(ev, drawn, "return"),
        "return_mode": _return(ev, rollout(ev, task, mode=True), "return_mode"),
        "final_distance": _score(ev, drawn, "final_distance", _final_distance(task, drawn), _farthest(task)),
    }
    if task.maze.kind == "c":
        below = drawn.next_observations[:, -1, :, 1] < C_BARRIER_Y
        scores["stuck"] = _score(ev, drawn, "stuck", below.double().mean(1).cpu().numpy(), 1.0)
    if not task.maze.flipped:
        scores["return_flipped"] = _return(ev, rollout(ev, task.in_flipped_maze()), "return_flipped")
    return scores


def panels(ev: Evaluation[MazeTask, ControlOutputs]) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Return the mean path of the policy's mode, x and y [S, P] (m) over time (s), and the ends of the walls (m)."""
    seen = rollout(ev, ev.task, mode=True)
    path = np.concatenate([_numpy(seen.observations[:, :1]), _numpy(seen.next_observations)], 1).mean(2)
    times = np.linspace(0, path.shape[1] - 1, min(POINTS + 1, path.shape[1])).round().astype(int)
    walls = np.array(ev.task.maze.walls).reshape(-1, 2)
    paths = [(f"path {axis}", CONTROL_PERIOD * times, path[:, times, i]) for i, axis in enumerate("xy")]
    return [*paths, ("walls", walls[:, 0], np.tile(walls[:, 1], (len(path), 1)))]


def rollout(ev: Evaluation[MazeTask, ControlOutputs], task: MazeTask, mode: bool = False) -> Rollout:
    """Return episodes of `task`; resets and noise depend on neither the task nor the method."""
    outputs, n = ev.outputs, task.params.score.n_episodes
    noise = None if mode else outputs.noise(ev.draws, (task.params.horizon, n), "returns/policy", STREAM)

    def act(observations, t):
        return outputs.act(observations, None if mode else noise[:, t])

    return task.source(ev.device).rollout(act, ev.draws, n, "returns", STREAM)


def _return(ev: Evaluation[MazeTask, ControlOutputs], found: Rollout, name: str) -> Score:
    floor = ev.task.maze.lowest_return(ev.task.params.horizon)
    return _score(ev, found, name, _numpy(found.rewards).sum(1).mean(1), floor, True, name == "return")


def _score(
    ev: Evaluation[MazeTask, ControlOutputs],
    found: Rollout,
    name: str,
    values: np.ndarray,
    floor: float,
    higher_is_better: bool = False,
    headline: bool = False,
) -> Score:
    finite = np.isfinite(values) & np.isfinite(_numpy(found.actions)).all((1, 2, 3))
    params = ev.task.params
    manifest = {"n_episodes": params.score.n_episodes, "horizon": params.horizon, "data": ev.task.data_hash}
    return Score(np.where(finite, values, floor), higher_is_better, floor, LABELS[name], headline, manifest)


def _final_distance(task: MazeTask, found: Rollout) -> np.ndarray:
    """Return the mean over episodes [S]."""
    away = _numpy(found.next_observations[:, -1, :, :2]) - np.array(task.maze.target)
    return np.hypot(away[..., 0], away[..., 1]).mean(1)


def _farthest(task: MazeTask) -> float:
    """Return the distance from the target to the farthest corner of the room."""
    x0, y0, x1, y1 = task.maze.room
    x, y = task.maze.target
    return float(np.hypot(max(x - x0, x1 - x), max(y - y0, y1 - y)))


def _numpy(values) -> np.ndarray:
    return values.double().cpu().numpy()
