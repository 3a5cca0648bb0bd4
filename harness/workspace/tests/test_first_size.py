"""The first size of a task: about a minute whatever the horizon, and a learner that fits short runs."""

from __future__ import annotations

import numpy as np
import pytest

from harness.workspace.first_size import (
    EPISODES,
    EXPERT,
    PUPIL,
    deviation,
    difference_lines,
    environments,
    expert_lines,
    learner_lines,
    pupil_lines,
    updates,
    updates_shown,
)
from harness.yaml_text import parse

DECAYS = {"optimizer": {"decay": {"factor": 0.8}}, "value": {"optimizer": {"decay": {"factor": 0.8}}}}


@pytest.mark.parametrize("horizon, n", [(1, 16), (30, 16), (50, 16), (100, 8), (200, 4), (500, 4), (1000, 4)])
def test_long_episodes_are_few_and_eight_are_shown(horizon: int, n: int) -> None:
    assert environments(horizon) == n
    assert n * updates_shown(horizon) >= EPISODES > n * (updates_shown(horizon) - 1)


@pytest.mark.parametrize("horizon, n", [(30, 150), (200, 150), (400, 100), (500, 80), (1000, 60)])
def test_long_episodes_make_fewer_updates_and_imitation_needs_fewer(horizon: int, n: int) -> None:
    assert updates(horizon, EXPERT) == n and updates(horizon, PUPIL) == min(n, 80)
    assert parse("\n".join(expert_lines(horizon)))["steps"] == n
    assert parse("\n".join(difference_lines("mine", horizon))) == {"steps": min(n, 80)}
    assert parse("\n".join(pupil_lines("mine", horizon))) == {
        "seeds": [0, 1, 2],
        "block": 3,
        "steps": min(n, 80),
        "evaluations": 5,
    }


def test_a_rate_that_decays_is_kept_only_where_it_was_chosen_for_the_environment() -> None:
    ranges = np.array([[-2.0, 2.0]])
    own = learner_lines(DECAYS, 100, ranges)
    assert "optimizer: {decay: null}" in own and "value: {optimizer: {decay: null}}" in own
    assert own[1].startswith("gamma: 0.95") and own[-1].startswith("policy: {initial_std: 1}")
    assert not any("decay" in line for line in learner_lines({"value": {"kind": "linear"}}, 100, ranges))
    assert [line.split("  #")[0] for line in learner_lines(DECAYS, 100, None)] == ["n_envs: 8", "gamma: 0.99"]


def test_the_first_actions_fit_their_ranges() -> None:
    assert deviation(np.array([[-1.0, 1.0]])) == 0.5
    assert deviation(np.array([[0.0, 1.0], [0.0, 100.0]])) == 2.5
