"""The maze against its drawing, and its rollouts and demonstrations against exact expectations.

The last part asks what any reward learner could find here: which (g, h) explain the exact expert.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from harness.contracts import BenchError
from harness.maths.soft_mdp import decomposable, linked, occupancy, soft_value_iteration, transitions
from harness.run.params import validate
from harness.run.seeds import CounterDraws
from harness.tasks.tabular import LAYOUTS, MOVES, Params, build, maze, sampling_act

CPU = torch.device("cpu")
UP, RIGHT, DOWN, LEFT = range(4)


def task(**changes):
    block = {"family": "tabular", "seeds": [0], "steps": 1, "layout": "corridor"} | changes
    return build("maze", validate(Params, block, "maze"), None)


def uniform(n):
    return np.full((n, 4), 0.25)


# --- the maze ---------------------------------------------------------------------------------


def test_walls_keep_in_place_and_openings_do_not():
    m = maze("corridor")
    assert m.shape == (5, 5) and list(MOVES) == ["up", "right", "down", "left"]

    def of(row, column):
        return 5 * row + column

    assert m.next_states[UP, of(0, 2)] == of(0, 2) and m.next_states[LEFT, of(3, 0)] == of(3, 0)
    assert m.next_states[RIGHT, of(0, 1)] == of(0, 2) and m.next_states[DOWN, of(0, 1)] == of(1, 1)
    # The inner wall from both sides, and its gap.
    assert m.next_states[DOWN, of(1, 1)] == of(1, 1) and m.next_states[UP, of(2, 4)] == of(2, 4)
    assert m.next_states[DOWN, of(1, 0)] == of(2, 0) and m.next_states[UP, of(2, 0)] == of(1, 0)
    assert m.next_states[RIGHT, of(4, 2)] == of(4, 2)
    assert m.reward[of(0, 4)] == 1 and m.reward[of(1, 3)] == -1 and m.reward[of(4, 2)] == 0.5 and m.reward[0] == 0


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_is_whole(layout):
    """Closed on the outside, each step has its way back, every cell leads to every other, both ways round."""
    for flipped in (False, True):
        m = maze(layout, flipped)
        n = len(m.reward)
        cells = np.arange(n)
        assert len({len(line) for line in m.drawing}) == 1 and n == np.prod(m.shape)
        for there, back in ((UP, DOWN), (RIGHT, LEFT)):
            moved = m.next_states[there] != cells
            np.testing.assert_array_equal(m.next_states[back, m.next_states[there]][moved], cells[moved])
        assert (np.linalg.matrix_power(transitions(uniform(n), m.next_states), n) > 0).all()
        assert decomposable(m.next_states)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_flipped_maze_has_other_walls_and_the_same_rewards(layout):
    here, there = maze(layout), maze(layout, flipped=True)
    np.testing.assert_array_equal(here.reward, there.reward)
    assert (here.next_states != there.next_states).any()
    height, width = here.shape
    mirror = np.arange(height * width).reshape(here.shape)[:, ::-1].ravel()
    np.testing.assert_array_equal(there.next_states[[UP, LEFT, DOWN, RIGHT]], mirror[here.next_states[:, mirror]])
    a, b = task(layout=layout), task(layout=layout, flipped=True)
    np.testing.assert_array_equal(a.transfer.next_states, b.maze.next_states)
    np.testing.assert_array_equal(b.transfer.next_states, a.maze.next_states)

    def returns(policy):
        return occupancy(policy, a.start, there.next_states, 50) @ there.reward

    # A policy that goes on as in the first maze loses much of what it could have in the second.
    assert returns(a.expert.policy) < 0.6 * returns(b.expert.policy)


def test_bad_parameters():
    for changes, said in (
        ({"gamma": 1.0}, "gamma = 1.0"),
        ({"temperature": 0}, "temperature = 0"),
        ({"layout": "room"}, "corridor"),
    ):
        with pytest.raises(BenchError, match=said):
            task(**changes)


def test_hash_sees_what_moves_the_data():
    tasks = [
        task(),
        *(
            task(**c)
            for c in (
                {"layout": "rooms"},
                {"flipped": True},
                {"gamma": 0.8},
                {"temperature": 1.0},
                {"horizon": 20},
                {"n_demonstrations": 3},
            )
        ),
    ]
    assert len({t.data_hash for t in tasks}) == len(tasks) and task(steps=9).data_hash == tasks[0].data_hash


# --- rollouts ---------------------------------------------------------------------------------


def test_a_rollout_is_a_walk_through_the_table():
    t = task(horizon=7)
    draws = CounterDraws(range(3), "test")
    out = t.source(CPU).rollout(sampling_act(uniform(25), draws, "latent"), draws, 4)
    assert (t.spec.shape, t.spec.n_actions, t.spec.horizon) == ((25,), 4, 7)
    assert out.observations.shape == out.next_observations.shape == (3, 7, 4, 25) and out.actions.shape == (3, 7, 4, 4)
    assert out.observations.dtype == out.actions.dtype == out.rewards.dtype == torch.float32
    assert (out.observations.sum(-1) == 1).all() and (out.actions.sum(-1) == 1).all()
    states, moves = out.observations.argmax(-1).numpy(), out.actions.argmax(-1).numpy()
    np.testing.assert_array_equal(out.next_observations.argmax(-1), t.maze.next_states[moves, states])
    np.testing.assert_array_equal(out.next_observations[:, :-1], out.observations[:, 1:])
    np.testing.assert_array_equal(out.rewards, t.maze.reward[states].astype(np.float32))  # of the state that is left
    np.testing.assert_array_equal(states[:, 0], draws.integers("env", "rollout/reset", (4,), 25))
    assert not out.terminated.any() and out.truncated[:, -1].all() and not out.truncated[:, :-1].any()


def test_one_seed_alone_is_the_seed_in_a_stack():
    source = task(horizon=9).source(CPU)

    def run(seeds):
        draws = CounterDraws(seeds, "test")
        return source.rollout(sampling_act(uniform(25), draws, "latent"), draws, 5)

    stack, alone = run(range(3)), run([1])
    for name, values in vars(stack).items():
        assert torch.equal(values[1:2], getattr(alone, name)), name
    assert (stack.observations[0] != stack.observations[1]).any()


@pytest.mark.parametrize("which", ["expert", "uniform"])
def test_mean_return_is_the_exact_one(which):
    t = task()
    policy = t.expert.policy if which == "expert" else uniform(25)
    draws = CounterDraws([7], "test", lookahead=1)
    returns = t.source(CPU).rollout(sampling_act(policy, draws, "latent"), draws, 4000).rewards.sum(1)
    exact = occupancy(policy, t.start, t.maze.next_states, 50) @ t.maze.reward
    assert abs(returns.mean() - exact) < 4 * returns.std() / 4000**0.5


def test_demonstrations_are_the_soft_optimal_policys():
    t = task(n_demonstrations=2000)
    shown = t.source(CPU).demonstrations()
    assert shown.observations.shape == (1, 50, 2000, 25)
    states, moves = shown.observations.argmax(-1).numpy().ravel(), shown.actions.argmax(-1).numpy().ravel()
    counts = np.zeros((25, 4))
    np.add.at(counts, (states, moves), 1)
    visits = counts.sum(1, keepdims=True)
    spread = np.sqrt(t.expert.policy * (1 - t.expert.policy) / visits)
    assert (np.abs(counts / visits - t.expert.policy) < 4.5 * spread).all()  # 100 numbers, one in 1,500 tries beyond
    exact = occupancy(t.expert.policy, t.start, t.maze.next_states, 50)
    np.testing.assert_allclose(visits[:, 0] / 2000, exact, atol=0.5)
    again = task(n_demonstrations=2000, seeds=[3], steps=5).source(CPU).demonstrations()
    assert torch.equal(again.actions, shown.actions) and torch.equal(again.observations, shown.observations)


# --- what can be learnt from the expert at all ------------------------------------------------


def reward_and_shaping(log_policy, next_states, gamma):
    """Least squares of log pi(a|s) on g(s) + gamma h(s') - h(s): g [N], largest residual, free directions."""
    n_actions, n = next_states.shape
    s, nxt = np.repeat(np.arange(n), n_actions), next_states.T.ravel()
    design = np.concatenate([np.eye(n)[s], gamma * np.eye(n)[nxt] - np.eye(n)[s]], 1)
    found, _, rank, _ = np.linalg.lstsq(design, log_policy.ravel(), rcond=1e-10)
    return found[:n], np.abs(design @ found - log_policy.ravel()).max(), 2 * n - rank


def correlation(a, b):
    return np.corrcoef(a, b)[0, 1]


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_optimum_of_airl_holds_the_true_reward(layout, flipped):
    """f* = log pi_E (Fu et al. 2018, section 4): with the task's discount g is r / tau + a constant, h is V / tau."""
    t = task(layout=layout, flipped=flipped)
    g, residual, free = reward_and_shaping(t.expert.log_policy, t.maze.next_states, 0.9)
    assert residual < 1e-9 and free == 1
    error = 0.5 * g - t.maze.reward
    assert np.ptp(error) < 1e-8 and correlation(g, t.maze.reward) > 0.999


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("gamma", [1.0, 0.99])
def test_another_discount_in_f_fits_as_well_with_a_wrong_reward(layout, gamma):
    """Trap A3. Then h = (0.9 / gamma) V / tau and g = (r - (1 - 0.9 / gamma) V) / tau: the fit is perfect, g is not."""
    t = task(layout=layout)
    g, residual, _ = reward_and_shaping(t.expert.log_policy, t.maze.next_states, gamma)
    assert residual < 1e-9
    assert np.ptp(0.5 * g - (t.maze.reward - (1 - 0.9 / gamma) * t.expert.v)) < 1e-8
    assert correlation(g, t.maze.reward) < 0.95


def test_without_cells_that_keep_in_place_the_reward_is_not_determined():
    """On a torus every step changes the colour of the square: g is free along the chequerboard, and f cannot tell."""
    cells = np.arange(36).reshape(6, 6)
    torus = np.array([np.roll(cells, shift, axis).ravel() for shift, axis in ((1, 0), (-1, 1), (-1, 0), (1, 1))])
    reward = maze("rooms").reward
    expert = soft_value_iteration(torus, reward, 0.9, 0.5)
    assert not decomposable(torus) and len(np.unique(linked(torus), axis=0)) == 2
    g, residual, free = reward_and_shaping(expert.log_policy, torus, 0.9)
    assert residual < 1e-9 and free == 2
    colour = 1.0 - 2 * (np.indices((6, 6)).sum(0) % 2).ravel()
    # With h = c colour as well, gamma h(s') - h(s) = -(1 + gamma) c colour(s): another reward, the same f.
    h = 3.0 * colour
    other, shaped = g + 1.9 * h, 0.9 * h[torus] - h
    np.testing.assert_allclose(other + shaped, np.tile(g, (4, 1)), atol=1e-9)
    np.testing.assert_allclose(soft_value_iteration(torus, other, 0.9).policy, expert.policy, atol=1e-9)
    assert correlation(other, reward) < 0.5


@pytest.mark.parametrize("layout", LAYOUTS)
def test_maximum_entropy_irl_recovers_policy_and_reward(layout):
    """Minimise V_r(start) - d_E . r, convex; its gradient d_r - d_E matches the visits (Ziebart 2010, ch. 6)."""
    t = task(layout=layout)
    n, P = len(t.start), t.maze.next_states

    def visits(policy):
        """Discounted, endless: start (I - gamma P_pi)^-1."""
        return np.linalg.solve(np.eye(n) - 0.9 * transitions(policy, P).T, t.start)

    target = visits(t.expert.policy)

    def loss(reward):
        found = soft_value_iteration(P, reward, 0.9)
        return t.start @ found.v - target @ reward, visits(found.policy) - target

    options = {"maxiter": 500, "ftol": 1e-15, "gtol": 1e-7}
    found = minimize(loss, np.zeros(n), jac=True, method="L-BFGS-B", options=options)
    learnt = soft_value_iteration(P, found.x, 0.9)
    kl = (t.expert.policy * (t.expert.log_policy - learnt.log_policy)).sum(1)
    assert kl.max() < 1e-5
    assert correlation(found.x, t.maze.reward) > 0.999
    np.testing.assert_allclose(0.5 * (found.x - found.x.mean()), t.maze.reward - t.maze.reward.mean(), atol=0.01)


def test_the_discriminator_of_airl_by_exact_optimisation():
    """Maximise E_E log D + E_pi log(1 - D), D = e^f / (e^f + pi), over (g, h) with all expectations exact.

    Where pi is the expert, f* = log pi_E and g = r / tau + c. While it is not, f* has the ratio of how often
    the two visit the state besides, and g takes it up: rewards are comparable only once the policy has arrived.
    """
    t = task()
    n, nxt = 25, t.maze.next_states

    def visits(policy):
        return occupancy(policy, t.start, nxt, 50) / 50

    def g_of(policy):
        log_pi, real = np.log(policy), visits(t.expert.policy)[:, None] * t.expert.policy
        fake = visits(policy)[:, None] * policy

        def loss(x):
            g, h = x[:n], x[n:]
            logit = g[:, None] + 0.9 * h[nxt].T - h[:, None] - log_pi
            value = (real * np.logaddexp(0, -logit) + fake * np.logaddexp(0, logit)).sum()
            slope = fake / (1 + np.exp(-logit)) - real / (1 + np.exp(logit))
            by_h = -slope.sum(1)
            np.add.at(by_h, nxt.T, 0.9 * slope)
            return value, np.concatenate([slope.sum(1), by_h])

        options = {"maxiter": 20000, "maxfun": 40000, "ftol": 1e-16, "gtol": 1e-9, "maxcor": 50}
        return minimize(loss, np.zeros(2 * n), jac=True, method="L-BFGS-B", options=options).x[:n]

    arrived = g_of(t.expert.policy)
    assert correlation(arrived, t.maze.reward) > 0.999
    other = soft_value_iteration(nxt, t.maze.reward, 0.9, 1.0).policy
    ratio = np.log(visits(t.expert.policy) / visits(other))
    on_the_way = g_of(other)
    error = 0.5 * on_the_way - t.maze.reward
    assert np.std(error) > 0.1 and np.std(error - 0.5 * ratio) < 0.01
