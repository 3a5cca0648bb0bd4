"""Compare a policy and a learnt reward with the truth in a tabular maze, by exact expectations without sampling.

A reward g is judged as temperature * g: the optimum of AIRL is log pi_E, in which the expert's reward is in units of
its temperature (Fu et al. 2018, section 4). Its constant is free and therefore removed. A reward that depends on the
action is judged in the same way over all pairs of state and action.
"""

from __future__ import annotations

import numpy as np
import torch

from harness.contracts import PolicyOutputs, RewardOutputs, Score
from harness.maths.soft_mdp import occupancy, soft_evaluate_policy
from harness.metrics.evaluation import Evaluation
from harness.tasks.tabular import GridMaze, Tabular

LABELS = {
    "return": "expected return",
    "soft_value_gap": "discounted return with entropy, below the optimum",
    "policy_kl": "KL(expert || policy) where the expert goes (nat)",
    "reward_correlation": "correlation of learnt and true reward",
    "reward_error": "rms error of the learnt reward, constant removed",
    "policy_of_reward_kl": "KL(expert || optimal policy of the learnt reward) (nat)",
    "return_transfer": "true return of planning with the learnt reward in the mirrored maze",
}
HIGHER_IS_BETTER = ("return", "reward_correlation", "return_transfer")


def compute(ev: Evaluation[Tabular, PolicyOutputs]) -> dict[str, Score]:
    """Return the first three scores of LABELS, and the rest if a reward is learnt.

    A failed run is scored as the uniform policy and as a constant reward.
    """
    task = ev.task
    expert, uniform = task.expert.log_policy, np.full_like(task.expert.q, -np.log(task.expert.q.shape[1]))
    scores = _scores(task, _policy_measures, log_policies(ev), {"expert": expert, "uniform policy": uniform})
    learnt = rewards(ev)
    if learnt is not None:
        true = np.broadcast_to(task.maze.reward[:, None], expert.shape) / task.params.temperature
        known = {"true reward": true, "constant reward": np.zeros_like(true)}
        scores |= _scores(task, _reward_measures, learnt, known)
        # What imitation without a reward takes along, and so does log pi_E itself when it is planned with.
        carried = _return(task, task.expert.policy, task.transfer)
        scores["return_transfer"].references["expert's policy carried over"] = carried
    return scores


def panels(ev: Evaluation[Tabular, PolicyOutputs]) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Return the rewards of the states, row by row, and the ends of the walls.

    The learnt reward [S, N] is the mean over actions, in the units and with the mean of the true reward. The walls are
    given in cells as (x, y), where y points upwards from the middle of the lowest row.
    """
    learnt = rewards(ev)
    if learnt is None:
        return []
    by_state = ev.task.params.temperature * learnt.mean(2)
    by_state += ev.task.maze.reward.mean() - by_state.mean(1, keepdims=True)
    states, x, y = np.arange(by_state.shape[1]), *_walls(ev.task.maze)
    true = np.tile(ev.task.maze.reward, (len(by_state), 1))
    return [
        ("learnt reward", states, by_state),
        ("true reward", states, true),
        ("walls", x, np.tile(y, (len(by_state), 1))),
    ]


def _walls(maze: GridMaze) -> tuple[np.ndarray, np.ndarray]:
    """Return x [2 W] and y [2 W] of the ends of W walls."""
    ends, top = [], maze.shape[0] - 0.5
    for row, line in enumerate(maze.drawing):
        for column, sign in enumerate(line):
            x, y = column / 2 - 0.5, top - row / 2
            if sign in "-|":
                dx, dy = (0.5, 0.0) if sign == "-" else (0.0, 0.5)
                ends += [(x - dx, y - dy), (x + dx, y + dy)]
    return tuple(np.array(ends).T)


def log_policies(ev: Evaluation[Tabular, PolicyOutputs]) -> np.ndarray:
    """Return log-probabilities [S, N, A] in float64, normalised again after float32."""
    states = torch.eye(ev.task.spec.shape[0], device=ev.device).expand(ev.n_seeds, -1, -1)
    return ev.outputs.log_policy(states).detach().double().log_softmax(-1).cpu().numpy()


def rewards(ev: Evaluation[Tabular, PolicyOutputs]) -> np.ndarray | None:
    """Return rewards [S, N, A] float64 of all pairs, or None if none is learnt."""
    if not isinstance(ev.outputs, RewardOutputs):
        return None
    n, n_actions = ev.task.spec.shape[0], ev.task.spec.n_actions
    states = torch.eye(n, device=ev.device).repeat_interleave(n_actions, 0).expand(ev.n_seeds, -1, -1)
    actions = torch.eye(n_actions, device=ev.device).repeat(n, 1).expand(ev.n_seeds, -1, -1)
    return ev.outputs.reward(states, actions).detach().double().cpu().numpy().reshape(ev.n_seeds, n, n_actions)


def _policy_measures(task: Tabular, log_policy: np.ndarray) -> dict[str, float]:
    policy, p = np.exp(log_policy), task.params
    v = soft_evaluate_policy(policy, task.maze.reward, task.maze.next_states, p.gamma, p.temperature)
    return {
        "return": _return(task, policy, task.maze),
        "soft_value_gap": task.start @ (task.expert.v - v),
        "policy_kl": _kl(task, log_policy),
    }


def _reward_measures(task: Tabular, reward: np.ndarray) -> dict[str, float]:
    learnt = task.params.temperature * reward
    a, b = learnt - learnt.mean(), np.broadcast_to((task.maze.reward - task.maze.reward.mean())[:, None], learnt.shape)
    norms = np.linalg.norm(a) * np.linalg.norm(b)
    return {
        "reward_correlation": (a * b).sum() / norms if norms else 0.0,
        "reward_error": np.sqrt(np.square(a - b).mean()),
        "policy_of_reward_kl": _kl(task, task.solve(learnt, task.maze).log_policy),
        "return_transfer": _return(task, task.solve(learnt, task.transfer).policy, task.transfer),
    }


def _return(task: Tabular, policy: np.ndarray, maze: GridMaze) -> float:
    """Return the expected undiscounted true return of an episode."""
    return occupancy(policy, task.start, maze.next_states, task.params.horizon) @ maze.reward


def _kl(task: Tabular, log_policy: np.ndarray) -> float:
    """Return KL(expert || policy), averaged over the states of the expert's episodes."""
    expert = task.expert
    visits = occupancy(expert.policy, task.start, task.maze.next_states, task.params.horizon) / task.params.horizon
    return visits @ (expert.policy * (expert.log_policy - log_policy)).sum(1)


def _scores(task: Tabular, measures, learnt: np.ndarray, known: dict[str, np.ndarray]) -> dict[str, Score]:
    """Return scores of learnt [S, N, A]; the last entry of `known`, [N, A] each, is how a failed run is scored."""
    references = {label: measures(task, x) for label, x in known.items()}
    floors = list(references.values())[-1]
    found = [measures(task, x) if np.isfinite(x).all() else floors for x in learnt]
    manifest = {"expectations": "exact", "data": task.data_hash}
    return {
        name: Score(
            np.array([f[name] for f in found], np.float64),
            name in HIGHER_IS_BETTER,
            float(floors[name]),
            LABELS[name],
            name == "return",
            manifest,
            {label: float(values[name]) for label, values in references.items()},
        )
        for name in floors
    }
