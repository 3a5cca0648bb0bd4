"""Several robots together: the figures draw the numbers that the table and the profiles give, and no others."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from harness.report.figures import robots
from harness.report.figures.style import Style
from harness.report.records import robots as pooled
from harness.report.records.aggregate import NORMALISED
from harness.report.stats import profiles

REACHED = {"quick": {"hop": 10, "run": 20}, "twin": {"hop": 10, "run": 20}, "slow": {"hop": 40, "run": 30}, "never": {}}
STEPS = (10, 20, 30, 40)


def cell(name, task):
    """Two seeds that are at the target from the given step on."""
    first = REACHED[name].get(task, np.inf)
    rows = [(seed, step, NORMALISED, 0.95 if step >= first else 0.2) for seed in (0, 1) for step in STEPS]
    head = {"steps": STEPS[-1], "metrics": {NORMALISED: {}}}
    return SimpleNamespace(
        name=name,
        title=name,
        seeds=[0, 1],
        record=head,
        head=head,
        scores=pd.DataFrame(rows, columns=["seed", "step", "metric", "value"]),
        endpoint=lambda metric: np.array([0.95, 0.95]),
    )


@pytest.fixture
def frames():
    made = {task: [cell(name, task) for name in REACHED] for task in ("hop", "run")}
    common = {"metrics": {NORMALISED: {}}}
    return [SimpleNamespace(title=task, cells=cells, params={"robot": task}, **common) for task, cells in made.items()]


def test_a_robot_in_two_presets_is_one_robot(frames):
    hop, run = frames
    assert pooled.robots([hop, run, hop]) == [hop, run] and pooled.common([hop, hop]) == {}


def test_times_are_drawn_at_their_values(frames, monkeypatch):
    """Lines of the same values too: they are told apart by their width, not by moving them."""
    drawn = []
    monkeypatch.setattr(robots, "svg", lambda fig: drawn.append(fig) or b"")
    robots.draw(frames, {name: Style(name, "black", "-", "o") for name in REACHED})
    lines = {line.get_label(): line for line in drawn[-1].axes[0].get_lines()}
    assert lines.keys() == REACHED.keys()
    times = np.array([[REACHED[name].get(task, np.inf) / STEPS[-1] for task in ("hop", "run")] for name in REACHED])
    for name, share in zip(REACHED, profiles.fastest_ratios(times), strict=True):
        np.testing.assert_array_equal(lines[name].get_ydata(), share)
    np.testing.assert_array_equal(np.unique(lines["slow"].get_ydata()), [0.0, 0.5, 1.0])
    assert lines["quick"].get_linewidth() > lines["twin"].get_linewidth() + 0.5
