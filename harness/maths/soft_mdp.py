"""Exact solutions of a small maximum-entropy Markov decision process, in float64.

There are N states and A actions, and the temperature is tau. The policy maximises E sum_t gamma^t (r(s_t, a_t) + tau
H(pi(. | s_t))) (Ziebart 2010, ch. 6; Haarnoja et al. 2017). A reward is [N], a function of the state that is left, or
[N, A]. The dynamics P are next states [A, N] as integers, or probabilities [N, A, N].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TOLERANCE = 1e-13  # of the largest value, left as error by the value iteration


@dataclass(frozen=True)
class Solution:
    """The optimal policy pi(a|s) = exp((q - v) / tau), as q [N, A], v [N] and log_policy [N, A]."""

    q: np.ndarray
    v: np.ndarray
    log_policy: np.ndarray

    @property
    def policy(self) -> np.ndarray:
        return np.exp(self.log_policy)


def soft_value_iteration(P: np.ndarray, reward: np.ndarray, gamma: float, temperature: float = 1.0) -> Solution:
    """Solve Q = r + gamma E V(s'), V = tau log sum_a exp(Q / tau) (Haarnoja et al. 2017, theorem 1)."""
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
    """Return tau log sum_a exp(q / tau) over the last axis."""
    return temperature * np.logaddexp.reduce(q / temperature, axis=-1)


def evaluate_policy(policy: np.ndarray, reward: np.ndarray, P: np.ndarray, gamma: float) -> np.ndarray:
    """Return V [N] of the policy [N, A] over an infinite horizon, the solution of V = r_pi + gamma P_pi V."""
    P = probabilities(P)
    return np.linalg.solve(np.eye(len(P)) - gamma * transitions(policy, P), (policy * _per_action(reward, P)).sum(1))


def soft_evaluate_policy(
    policy: np.ndarray, reward: np.ndarray, P: np.ndarray, gamma: float, temperature: float = 1.0
) -> np.ndarray:
    """Return V [N] as `evaluate_policy` does, including the policy's reward for entropy, tau H(pi(. | s))."""
    surprise = -np.log(policy, out=np.zeros_like(policy), where=policy > 0)  # 0 log 0 = 0
    return evaluate_policy(policy, _per_action(reward, policy) + temperature * surprise, P, gamma)


def occupancy(policy: np.ndarray, start: np.ndarray, P: np.ndarray, horizon: int) -> np.ndarray:
    """Return how often an episode of `horizon` steps from `start` [N] leaves each state, [N]; the sum is horizon."""
    step = transitions(policy, probabilities(P))
    at, visits = np.asarray(start, np.float64), np.zeros(len(step))
    for _ in range(horizon):
        visits += at
        at = at @ step
    return visits


def transitions(policy: np.ndarray, P: np.ndarray) -> np.ndarray:
    """Return the transition probabilities [N, N] between states under the policy."""
    return np.einsum("sa,sat->st", policy, probabilities(P))


def decomposable(P: np.ndarray) -> bool:
    """Whether the dynamics allow a state-only reward to be separated from shaping (Fu et al. 2018, theorem 5.1).

    Two states are linked if one state can step to either, directly or through a chain of linked states. All states must
    be linked.
    """
    return bool(linked(P).all())


def linked(P: np.ndarray) -> np.ndarray:
    """Return which states are linked, [N, N] bool (Fu et al. 2018, definition 5.1)."""
    steps = (probabilities(P) > 0).any(1)
    links = steps.T.astype(int) @ steps > 0
    while True:
        further = links.astype(int) @ links > 0
        if (further == links).all():
            return links
        links = further


def probabilities(P: np.ndarray) -> np.ndarray:
    """Return the dynamics as probabilities [N, A, N]."""
    P = np.asarray(P)
    return np.eye(P.shape[1])[P.T] if P.ndim == 2 else P


def _per_action(reward: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Return a reward [N] or [N, A] as [N, A]."""
    reward = np.asarray(reward, np.float64)
    return np.broadcast_to(reward if reward.ndim == 2 else reward[:, None], like.shape[:2])


def _max_iterations(gamma: float) -> int:
    """Return enough iterations for the tolerance from any start; rounding may prevent the change from becoming that
    small.
    """
    return 10 + int(np.ceil(np.log(TOLERANCE * (1 - gamma)) / np.log(gamma))) if gamma else 1
