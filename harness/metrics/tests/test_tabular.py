"""Measures of the maze on policies and rewards whose values are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.maths.soft_mdp import evaluate_policy, soft_value_iteration
from harness.metrics.evaluate import evaluate
from harness.run.seeds import CounterDraws
from harness.tasks.tabular import Params, build, sampling_act

TASK = build("maze", Params(family="tabular", seeds=[0], steps=1, layout="corridor"), None)
EXPERT = TASK.expert.log_policy
TRUE = TASK.maze.reward[:, None].repeat(4, 1)
UNIFORM = np.full((25, 4), -np.log(4))


class Policies:
    """log pi [S, N, A] by look-up, off by a constant as float32 may be; not a method that learns a reward."""

    def __init__(self, *log_policies):
        self.table = torch.as_tensor(np.stack(log_policies))

    def log_policy(self, observations):
        assert observations.shape[0] == len(self.table)
        return torch.einsum("sbo,soa->sba", observations.double(), self.table) + 1e-6

    def act(self, *_):
        raise AssertionError("expectations are exact: nothing is sampled")

    noise = act


class Rewards(Policies):
    """The same with the expert's policy and a reward [N, A] for each seed."""

    def __init__(self, *rewards):
        super().__init__(*[EXPERT] * len(rewards))
        self.rewards = torch.as_tensor(np.stack(rewards))

    def reward(self, observations, actions):
        return torch.einsum("sbo,sba,soa->sb", observations.double(), actions.double(), self.rewards)


def scores(outputs, task=TASK):
    found = evaluate(task, outputs, CounterDraws(range(len(outputs.table)), "maze", lookahead=1))
    return found.scores, found


def test_the_expert_is_the_optimum():
    of, found = scores(Policies(EXPERT, UNIFORM))
    assert set(of) == {"return", "soft_value_gap", "policy_kl"} and not found.panels
    assert [name for name, score in of.items() if score.headline] == ["return"]
    for score in of.values():
        assert score.values[0] == pytest.approx(score.references["expert"], abs=1e-9)
        assert score.values[1] == pytest.approx(score.references["uniform policy"]) == pytest.approx(score.floor)
    assert of["soft_value_gap"].values[0] == pytest.approx(0, abs=1e-9)
    assert of["policy_kl"].values[0] == pytest.approx(0, abs=1e-12)
    # Every step of a uniform walk can be undone, so it stays uniform.
    assert of["return"].values[1] == pytest.approx(50 * TASK.maze.reward.mean())
    assert of["return"].values[0] > 20


def test_return_and_kl_are_those_of_episodes():
    other = soft_value_iteration(TASK.maze.next_states, TASK.maze.reward, 0.9, 1.0)
    of, _ = scores(Policies(other.log_policy))
    draws = CounterDraws([5], "test", lookahead=1)
    walk = TASK.source(torch.device("cpu")).rollout(sampling_act(other.policy, draws, "latent"), draws, 4000)
    returns = walk.rewards.sum(1)
    assert abs(of["return"].values[0] - returns.mean()) < 4 * returns.std() / 4000**0.5
    shown = TASK.source(torch.device("cpu")).demonstrations()
    states, moves = shown.observations.argmax(-1).numpy(), shown.actions.argmax(-1).numpy()
    ratio = (EXPERT - other.log_policy)[states, moves].mean((0, 1))  # an unbiased KL for each episode
    assert abs(of["policy_kl"].values[0] - ratio.mean()) < 4 * ratio.std() / len(ratio) ** 0.5
    kl = (other.policy * (other.log_policy - EXPERT)).sum(1)
    gap = 0.5 * TASK.start @ evaluate_policy(other.policy, kl, TASK.maze.next_states, 0.9)
    assert of["soft_value_gap"].values[0] == pytest.approx(gap, rel=1e-5)


def test_the_true_reward_up_to_its_constant_and_unit():
    of, found = scores(Rewards(TRUE / 0.5 + 7, 2 * TRUE / 0.5, -TRUE / 0.5, np.full((25, 4), 3.0)))
    np.testing.assert_allclose(of["reward_correlation"].values, [1, 1, -1, 0], atol=1e-6)
    spread = TASK.maze.reward.std()
    np.testing.assert_allclose(of["reward_error"].values, [0, spread, 2 * spread, spread], atol=1e-6)
    np.testing.assert_allclose(of["policy_of_reward_kl"].values[0], 0, atol=1e-10)
    assert (of["policy_of_reward_kl"].values[1:] > 0.05).all()
    there = TASK.solve(TASK.maze.reward, TASK.transfer).policy
    draws = CounterDraws([5], "test", lookahead=1)
    flipped = build("flipped", TASK.params.model_copy(update={"flipped": True}), None)
    returns = (
        flipped.source(torch.device("cpu")).rollout(sampling_act(there, draws, "latent"), draws, 4000).rewards.sum(1)
    )
    transfer = of["return_transfer"]
    assert abs(transfer.values[0] - returns.mean()) < 4 * returns.std() / 4000**0.5
    assert transfer.values[0] == pytest.approx(transfer.references["true reward"])
    assert transfer.values[3] == pytest.approx(transfer.references["constant reward"]) == pytest.approx(transfer.floor)
    (name, x, y), (_, _, true), (_, wall_x, wall_y) = found.panels
    assert name == "learnt reward" and len(x) == 25
    np.testing.assert_array_equal(true, np.tile(TASK.maze.reward, (len(y), 1)))
    # Whoever walks from a cell's middle into a wall stays: the wall lies half a cell ahead.
    walls = {tuple(point) for point in np.stack([wall_x, wall_y[0]], 1).reshape(-1, 2, 2).mean(1)}
    for move, (row, column) in enumerate(((-1, 0), (0, 1), (1, 0), (0, -1))):
        for state, after in enumerate(TASK.maze.next_states[move]):
            ahead = (state % 5 + column / 2, 4 - state // 5 - row / 2)
            assert (ahead in walls) == (state == after)
    np.testing.assert_allclose(y[0], TASK.maze.reward, atol=1e-6)
    np.testing.assert_allclose(y[2], 2 * TASK.maze.reward.mean() - TASK.maze.reward, atol=1e-6)


def test_a_reward_of_the_action_carries_the_way_and_not_the_goal():
    """f* = log pi_E explains the expert in its maze; planned with elsewhere it gives the same policy again."""
    of, _ = scores(Rewards(EXPERT, TRUE / 0.5))
    assert of["policy_of_reward_kl"].values[0] == pytest.approx(0, abs=1e-10)
    transfer = of["return_transfer"]
    assert transfer.values[0] == pytest.approx(transfer.references["expert's policy carried over"])
    assert transfer.values[0] < 0.6 * transfer.values[1]
    assert of["reward_correlation"].values[0] < 0.5


def test_the_wrong_discount_in_f_shows_in_the_reward():
    """With gamma 1 in f, g = (r - (1 - 0.9) V) / tau."""
    g = (TASK.maze.reward - 0.1 * TASK.expert.v)[:, None].repeat(4, 1) / 0.5
    of, _ = scores(Rewards(g))
    assert of["reward_correlation"].values[0] < 0.95 and of["policy_of_reward_kl"].values[0] > 0.01


def test_a_broken_seed_counts_at_the_floor_and_leaves_the_others():
    broken = Rewards(TRUE, np.where(TRUE == 1, np.nan, TRUE), np.where(TRUE == 1, np.inf, TRUE))
    broken.table[1, 3] = float("nan")
    broken.table[2, 3] = float("-inf")
    of, _ = scores(broken)
    alone, _ = scores(Rewards(TRUE))
    for name, score in of.items():
        np.testing.assert_array_equal(score.values[1:], score.floor)
        assert score.values[0] == pytest.approx(alone[name].values[0], abs=1e-12)
