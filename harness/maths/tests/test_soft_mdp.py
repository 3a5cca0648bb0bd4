"""Soft values against closed forms, residuals and independent computations."""

from __future__ import annotations

import numpy as np
import pytest

from harness.maths.soft_mdp import (
    decomposable,
    evaluate_policy,
    linked,
    occupancy,
    probabilities,
    soft_evaluate_policy,
    soft_value_iteration,
)

RING = np.array([[1, 2, 3, 0], [3, 0, 1, 2]])  # four states in a circle, either way round


def random_mdp(n=6, n_actions=3, seed=0):
    rng = np.random.RandomState(seed)
    P = rng.dirichlet(np.ones(n) / 2, (n, n_actions))
    return P, rng.normal(size=(n, n_actions))


def line(n=5):
    """Left and right on a line whose ends keep you in place."""
    return np.array([np.maximum(np.arange(n) - 1, 0), np.minimum(np.arange(n) + 1, n - 1)])


@pytest.mark.parametrize("n_actions, r, gamma, tau", [(4, 1.0, 0.9, 1.0), (2, -3.0, 0.99, 0.3), (3, 0.5, 0.0, 2.0)])
def test_one_state(n_actions, r, gamma, tau):
    """V = (r + tau log A) / (1 - gamma)."""
    found = soft_value_iteration(np.zeros((n_actions, 1), int), np.array([r]), gamma, tau)
    np.testing.assert_allclose(found.v, (r + tau * np.log(n_actions)) / (1 - gamma), rtol=1e-12)
    np.testing.assert_allclose(found.policy, 1 / n_actions, rtol=1e-12)


def test_two_states_by_hand():
    """From 0: stay (reward 0) or go to 1 for good, where one action repeated pays 1 a step.

    V(1) = (1 + log 2) / (1 - 1/2). With x = exp(V(0)): x = sqrt(x) + exp(V(1) / 2), a quadratic in sqrt(x).
    """
    P, reward, v1 = np.array([[0, 1], [1, 1]]), np.array([0.0, 1.0]), 2 * (1 + np.log(2))
    root = (1 + np.sqrt(1 + 4 * np.exp(v1 / 2))) / 2
    found = soft_value_iteration(P, reward, 0.5)
    np.testing.assert_allclose(found.v, [2 * np.log(root), v1], rtol=1e-12)
    np.testing.assert_allclose(found.policy[0], [1 / root, 1 - 1 / root], rtol=1e-12)


@pytest.mark.parametrize("gamma", [0.5, 0.9, 0.99])
def test_bellman_residual(gamma):
    P, reward = random_mdp()
    tau = 0.7
    found = soft_value_iteration(P, reward, gamma, tau)
    np.testing.assert_allclose(found.q, reward + gamma * np.einsum("sat,t->sa", P, found.v), atol=1e-10)
    np.testing.assert_allclose(found.v, tau * np.log(np.exp(found.q / tau).sum(1)), atol=1e-10)
    np.testing.assert_allclose(found.policy.sum(1), 1, rtol=1e-12)


def test_huge_rewards_end_too():
    P, reward = random_mdp()
    found, unit = soft_value_iteration(P, 1e12 * reward, 0.9, 1e12), soft_value_iteration(P, reward, 0.9)
    np.testing.assert_allclose(found.policy, unit.policy, rtol=1e-9)


def test_cold_is_the_hard_optimum():
    P, reward = random_mdp()
    v = np.zeros(len(P))
    for _ in range(2000):
        v = (reward + 0.9 * P @ v).max(1)
    cold = soft_value_iteration(P, reward, 0.9, 1e-4)
    np.testing.assert_allclose(cold.v, v, atol=2e-3)  # at most tau log A / (1 - gamma) above
    np.testing.assert_array_equal(cold.q.argmax(1), (reward + 0.9 * P @ v).argmax(1))


def test_shaping_leaves_the_policy():
    """r + gamma E Phi(s') - Phi(s): the same policy, values less Phi (Ng et al. 1999)."""
    P, reward = random_mdp()
    phi = np.random.RandomState(1).normal(size=len(P))
    plain = soft_value_iteration(P, reward, 0.9, 0.5)
    shaped = soft_value_iteration(P, reward + 0.9 * P @ phi - phi[:, None], 0.9, 0.5)
    np.testing.assert_allclose(shaped.policy, plain.policy, rtol=1e-10)
    np.testing.assert_allclose(shaped.v, plain.v - phi, atol=1e-10)
    # With another discount in the shaping it is another policy: so it goes with a reward net whose gamma is 1.
    other = soft_value_iteration(P, reward + P @ phi - phi[:, None], 0.9, 0.5)
    assert np.abs(other.policy - plain.policy).max() > 0.01


def test_policy_evaluation():
    P, reward = random_mdp()
    best = soft_value_iteration(P, reward, 0.9, 0.5)
    np.testing.assert_allclose(soft_evaluate_policy(best.policy, reward, P, 0.9, 0.5), best.v, rtol=1e-10)
    # sum_t gamma^t d_t . r, summed term by term, by state and by state and action.
    policy = np.random.RandomState(2).dirichlet(np.ones(3), len(P))
    start, step, total = np.eye(len(P))[0], np.einsum("sa,sat->st", policy, P), 0.0
    for t in range(400):
        total += 0.9**t * start @ (policy * reward).sum(1)
        start = start @ step
    assert evaluate_policy(policy, reward, P, 0.9)[0] == pytest.approx(total, rel=1e-12)


def test_a_policy_without_chance_has_no_entropy():
    policy = np.array([[1.0, 0.0], [0.0, 1.0]])
    v = soft_evaluate_policy(policy, np.array([1.0, 2.0]), np.array([[0, 0], [1, 1]]), 0.5, 1.0)
    np.testing.assert_allclose(v, [2.0, 4.0])


def test_soft_gap_is_a_discounted_kl():
    """V* - V^pi = tau sum_t gamma^t E KL(pi || pi*), an identity between two of this file's functions."""
    P, reward = random_mdp()
    best = soft_value_iteration(P, reward, 0.9, 0.5)
    policy = np.random.RandomState(2).dirichlet(np.ones(3), len(P))
    kl = (policy * (np.log(policy) - best.log_policy)).sum(1)
    gap = best.v - soft_evaluate_policy(policy, reward, P, 0.9, 0.5)
    np.testing.assert_allclose(gap, 0.5 * evaluate_policy(policy, kl, P, 0.9), rtol=1e-9)


def test_occupancy():
    stay = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])  # always the first way round
    np.testing.assert_array_equal(occupancy(stay, np.eye(4)[0], RING, 6), [2, 2, 1, 1])
    np.testing.assert_array_equal(occupancy(stay, np.eye(4)[0], RING, 1), [1, 0, 0, 0])
    policy = np.random.RandomState(0).dirichlet(np.ones(2), 4)
    assert occupancy(policy, np.full(4, 0.25), RING, 50).sum() == pytest.approx(50)


def test_next_states_and_probabilities_agree():
    P = probabilities(RING)
    assert P.shape == (4, 2, 4) and P[0, 0, 1] == P[0, 1, 3] == 1 and (P.sum(2) == 1).all()
    reward = np.arange(4.0)
    np.testing.assert_array_equal(soft_value_iteration(RING, reward, 0.9).v, soft_value_iteration(P, reward, 0.9).v)


def test_decomposable():
    assert decomposable(line())  # ends that keep you in place tie even to odd
    assert not decomposable(RING) and linked(RING).sum() == 8  # two classes: every step changes the colour
    assert not decomposable(np.array([[1, 1]]))  # nothing leads to state 0
    slip = 0.9 * probabilities(RING) + 0.1 * np.eye(4)[:, None]
    assert decomposable(slip)


@pytest.mark.parametrize("P", [line(), RING, line(2), np.array([[1, 1]])])
def test_decomposable_is_the_null_space_of_reward_and_shaping(P):
    """As many directions of (g, h) leave g(s) + gamma E h(s') - h(s) as it is as there are classes of linked states.

    The graph test against linear algebra. A state that nothing leads to is a class of its own.
    """
    P = probabilities(P)
    n, n_actions, _ = P.shape
    design = np.concatenate([np.repeat(np.eye(n), n_actions, 0), (0.9 * P - np.eye(n)[:, None]).reshape(-1, n)], 1)
    classes = len(np.unique(linked(P) | np.eye(n, dtype=bool), axis=0))
    assert 2 * n - np.linalg.matrix_rank(design) == classes
