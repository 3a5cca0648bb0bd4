"""A learnt reward over the room of a maze (Peng et al. 2019, Fig. 7): its map, its roughness and its maximum.

A reward that depends on the action is evaluated at action zero. Smoothness is reported twice: as it is, and divided by
the spread of the reward over the room, because a reward multiplied by a constant is the same reward.
"""

from __future__ import annotations

import numpy as np
import torch

from harness.contracts import ControlOutputs, RewardOutputs, Score
from harness.metrics.evaluation import Evaluation
from harness.tasks.maze import MazeTask

SPACING = 0.025  # m
INSET = 0.05  # m: no centre of the ball comes closer to a wall
LABELS = {
    "reward_gradient": "mean |dg/dx| over the room (1/m)",
    "reward_roughness": "mean |dg/dx| over the room, divided by the spread of g (1/m)",
    "reward_peak_to_target": "distance from the highest reward to the target (m)",
    "reward_correlation": "correlation of g with the true reward of places",
}


def compute(ev: Evaluation[MazeTask, ControlOutputs]) -> dict[str, Score]:
    """Return the scores of a learnt reward, or nothing without one. A failed run is scored as a constant reward."""
    maps = reward_maps(ev)
    if maps is None:
        return {}
    maze, (x, y) = ev.task.maze, grid(ev.task.maze)
    places = np.stack(np.meshgrid(x, y), -1)
    true = maze.reward(places, np.zeros_like(places), places)
    away = np.hypot(places[..., 0] - maze.target[0], places[..., 1] - maze.target[1])
    finite = np.isfinite(maps).all((1, 2))
    maps = np.where(finite[:, None, None], maps, 0.0)
    slope = np.hypot(*np.gradient(maps, SPACING, axis=(1, 2))).mean((1, 2))
    spread = maps.std((1, 2))
    known = spread > 0
    values = {
        "reward_gradient": slope,
        "reward_roughness": np.divide(slope, spread, out=np.zeros_like(slope), where=known),
        "reward_peak_to_target": np.where(known, away.ravel()[maps.reshape(len(maps), -1).argmax(1)], away.max()),
        "reward_correlation": np.array([
            np.corrcoef(m.ravel(), true.ravel())[0, 1] if k else 0.0 for m, k in zip(maps, known)
        ]),
    }
    manifest = {
        "points": [len(x), len(y)],
        "first_m": [float(x[0]), float(y[0])],
        "spacing_m": SPACING,
        "target_m": list(maze.target),
        "data": ev.task.data_hash,
    }
    floors = {"reward_peak_to_target": float(away.max())}
    better = {"reward_peak_to_target": False, "reward_correlation": True}
    return {
        name: Score(v, better.get(name), floors.get(name, 0.0), LABELS[name], manifest=manifest)
        for name, v in values.items()
    }


def panels(ev: Evaluation[MazeTask, ControlOutputs]) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Return the map [S, ny * nx], row by row; x is the index of the point."""
    maps = reward_maps(ev)
    if maps is None:
        return []
    flat = maps.reshape(len(maps), -1)
    return [("reward map", np.arange(flat.shape[1]), flat)]


def grid(maze) -> tuple[np.ndarray, np.ndarray]:
    """Return the coordinates (m) of columns and rows that the centre of the ball can reach."""
    x0, y0, x1, y1 = maze.room
    return tuple(np.arange(a + INSET, b - INSET + SPACING / 2, SPACING) for a, b in ((x0, x1), (y0, y1)))


def reward_maps(ev: Evaluation[MazeTask, ControlOutputs]) -> np.ndarray | None:
    """Return the reward [S, ny, nx] float64, or None if none is learnt."""
    if not isinstance(ev.outputs, RewardOutputs):
        return None
    x, y = grid(ev.task.maze)
    places = np.stack([*np.meshgrid(x, y), np.zeros((len(y), len(x)))], -1).reshape(-1, 3)
    states = torch.as_tensor(places, dtype=torch.float32, device=ev.device).expand(ev.n_seeds, -1, -1)
    actions = torch.zeros(*states.shape[:2], ev.task.spec.action_size, device=ev.device)
    found = ev.outputs.reward(states, actions).detach().double().cpu().numpy()
    return found.reshape(ev.n_seeds, len(y), len(x))
