"""Exact answers about a small maximum-entropy Markov decision process, in float64.

N states, A actions, temperature tau: the policy maximises E sum_t gamma^t (r(s_t, a_t) + tau H(pi(. | s_t)))
(Ziebart 2010, ch. 6; Haarnoja et al. 2017). A reward is [N], of the state that is left, or [N, A].
Dynamics are next states [A, N] of whole numbers, or probabilities [N, A, N].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TOLERANCE = 1e-13  # of the largest value, left as error by the value iteration


@dataclass(frozen=True)
class Solution:
    """q [N, A], v [N] and log_policy [N, A] of the optimal policy pi(a|s) = exp((q - v) / tau)."""

    q: np.ndarray
    v: np.ndarray
    log_policy: np.ndarray

    @property
    def policy(self) -> np.ndarray:
        return np.exp(self.log_policy)


def soft_value_iteration(P: np.ndarray, reward: np.ndarray, gamma: float, temperature: float = 1.0) -> Solution:
    """Fixed point of Q = r + gamma E V(s'), V = tau log sum_a exp(Q / tau) (Haarnoja et al. 2017, theorem 1)."""
    P = probabilities(P)
    reward = _per_action(reward, P)
    v = np.zeros(len(P))
    # The backup contracts by gamma in the largest coordinate: what is left after a change d is d gamma / (1 - gamma).
    for _ in range(_max_iterations(gamma)):
        q = reward + gamma * P @ v
        before, v = v, soft_maximum(q, temperature)
        if np.abs(v - before).max() * gamma <= TOLERANCE * (1 - gamma) * max(1.0, np.abs(v).max()):
            break
    q = reward + gamma * P @ v
    v = soft_maximum(q, temperature)
    return Solution(q, v, (q - v[:, None]) / temperature)


def soft_maximum(q: np.ndarray, temperature: float) -> np.ndarray:
    """tau log sum_a exp(q / tau) over the last axis."""
    return temperature * np.logaddexp.reduce(q / temperature, axis=-1)


def evaluate_policy(policy: np.ndarray, reward: np.ndarray, P: np.ndarray, gamma: float) -> np.ndarray:
    """V [N] of the policy [N, A] over an endless horizon: V = r_pi + gamma P_pi V, solved."""
    P = probabilities(P)
    return np.linalg.solve(np.eye(len(P)) - gamma * transitions(policy, P), (policy * _per_action(reward, P)).sum(1))


def soft_evaluate_policy(
    policy: np.ndarray, reward: np.ndarray, P: np.ndarray, gamma: float, temperature: float = 1.0
) -> np.ndarray:
    """The same with the entropy that the policy is paid for, tau H(pi(. | s))."""
    surprise = -np.log(policy, out=np.zeros_like(policy), where=policy > 0)  # 0 log 0 = 0
    return evaluate_policy(policy, _per_action(reward, policy) + temperature * surprise, P, gamma)


def occupancy(policy: np.ndarray, start: np.ndarray, P: np.ndarray, horizon: int) -> np.ndarray:
    """[N]: how often an episode of `horizon` steps from `start` [N] leaves each state; sums to the horizon."""
    step = transitions(policy, probabilities(P))
    at, visits = np.asarray(start, np.float64), np.zeros(len(step))
    for _ in range(horizon):
        visits += at
        at = at @ step
    return visits


def transitions(policy: np.ndarray, P: np.ndarray) -> np.ndarray:
    """[N, N]: from state to state under the policy."""
    return np.einsum("sa,sat->st", policy, probabilities(P))


def decomposable(P: np.ndarray) -> bool:
    """Whether the dynamics let a state-only reward be told from shaping (Fu et al. 2018, theorem 5.1).

    Two states are linked if one state can step to either, or through a chain of linked states; all have to be.
    """
    return bool(linked(P).all())


def linked(P: np.ndarray) -> np.ndarray:
    """[N, N] bool: the links of Fu et al. 2018, definition 5.1."""
    steps = (probabilities(P) > 0).any(1)
    links = steps.T.astype(int) @ steps > 0
    while True:
        further = links.astype(int) @ links > 0
        if (further == links).all():
            return links
        links = further


def probabilities(P: np.ndarray) -> np.ndarray:
    """Dynamics as [N, A, N]."""
    P = np.asarray(P)
    return np.eye(P.shape[1])[P.T] if P.ndim == 2 else P


def _per_action(reward: np.ndarray, like: np.ndarray) -> np.ndarray:
    """[N, A], from [N] too."""
    reward = np.asarray(reward, np.float64)
    return np.broadcast_to(reward if reward.ndim == 2 else reward[:, None], like.shape[:2])


def _max_iterations(gamma: float) -> int:
    """Enough for the tolerance from any start; rounding may keep the change from getting there."""
    return 10 + int(np.ceil(np.log(TOLERANCE * (1 - gamma)) / np.log(gamma))) if gamma else 1
