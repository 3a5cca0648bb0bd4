"""The middle of a curve over seeds, against its definition."""

import numpy as np
import pandas as pd
import pytest

from harness.report.stats.centre import centre


def rows(values):
    """A table of {(step, seed): value}."""
    return pd.DataFrame([[step, seed, value] for (step, seed), value in values.items()], columns=["step", "seed", "y"])


def test_the_middle_half_and_its_mean():
    values = {(step, seed): 10.0 * step + seed**2 for step in (2, 1) for seed in range(8)}
    found = centre(rows(values), "step", "y")
    assert found.x.tolist() == [1, 2]
    for step, row in zip((1, 2), found.itertuples()):
        own = np.sort([10.0 * step + seed**2 for seed in range(8)])
        assert row.middle == own[2:6].mean()
        assert [row.low, row.high] == [np.quantile(own, 0.25), np.quantile(own, 0.75)]


def test_seeds_that_failed_do_not_count():
    values = {(1, seed): float(seed) for seed in range(4)} | {(2, 0): 5.0, (2, 1): np.nan, (3, 0): np.nan}
    found = centre(rows(values), "step", "y").set_index("x")
    assert found.index.tolist() == [1, 2], "no seed has a value at 3"
    assert found.loc[2].tolist() == [5.0, 5.0, 5.0] and found.loc[1, "middle"] == 1.5


def test_two_values_of_a_seed_at_one_step_are_refused():
    twice = pd.concat([rows({(1, 0): 1.0}), rows({(1, 0): 2.0})])
    with pytest.raises(ValueError, match="two values"):
        centre(twice, "step", "y")
