"""Maps of learnt rewards, and the split of a spread into learning the reward and training on it."""

from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from harness.report.figures import grids, mazes, motion
from harness.report.figures.style import Style, theme
from harness.report.records.frame import CellFrame
from harness.report.tables import mazes as table

LOOK = {"m": Style("M", "#000000", "-", "o")}


def cell(returns, with_map=True, rewards=None):
    seeds = list(range(len(returns)))
    manifest = {"points": [3, 2], "first_m": [0.0, 0.0], "spacing_m": 0.1, "target_m": [0.1, 0.1]}
    metrics = {"return": {"manifest": "r"}, "stuck": {"manifest": "r"}}
    if with_map:
        metrics["reward_gradient"] = {"manifest": "g"}
    panels = [
        pd.DataFrame({"seed": seed, "panel": name, "x": x, "y": y})
        for seed in seeds
        for name, x, y in (
            (mazes.MAP, range(6), range(6)),
            ("path x", [0, 1], [0, 0.2]),
            ("path y", [0, 1], [0, 0.1]),
            ("walls", [0, 0.2, 0.1, 0.1], [0, 0, 0, 0.1]),
        )
    ]
    record = {"metrics": metrics, "manifests": {"g": manifest}, "seeds": seeds}
    values = {"return": np.array(returns), "stuck": np.array(returns) < -20}
    made = CellFrame("t", "m", "m", "M", record=record, rewards=rewards)
    made.__dict__["panels"] = pd.concat(panels)
    made.__dict__["scores"] = pd.concat(
        pd.DataFrame({"seed": seeds, "step": 1, "metric": name, "value": x.astype(float)}) for name, x in values.items()
    )
    return made


def frame(cells, **params):
    return SimpleNamespace(
        family="maze", name="t", title="T", cells=cells, params=params, references=lambda metric: {"expert": -5.0}
    )


def test_the_split_of_known_variances():
    """Rewards at 0 and 10, re-trainings 1 apart: within 0.5; between 50 less the half of 0.5."""
    (row,) = table.table(frame([cell([0.0, 10.0, 1.0, 11.0], rewards=2)]), lambda path: str(path)).rows
    assert [row[place].value for place in (3, 4)] == pytest.approx([np.sqrt(50 - 0.5 / 2), np.sqrt(0.5)])
    (row,) = table.table(frame([cell([0.0, 0.0, 2.0, 2.0], rewards=2)]), lambda path: str(path)).rows
    assert [row[place].value for place in (3, 4)] == pytest.approx([0, np.sqrt(2)]), "means agree better than chance"


def test_no_more_is_told_than_can_be():
    (row,) = table.table(frame([cell([1.0, 2.0], rewards=2)]), lambda path: str(path)).rows
    assert all(np.isnan(row[place].value) for place in (3, 4)), "each reward has one re-training"


def test_a_reward_with_one_re_training_changes_neither_part():
    """With more of one re-training each, which say nothing of the second variance, both stay what they were."""
    (row,) = table.table(frame([cell([0.0, 10.0, 700.0, 1.0, 11.0], rewards=3)]), lambda path: str(path)).rows
    assert [row[place].value for place in (3, 4)] == pytest.approx([np.sqrt(50 - 0.5 / 2), np.sqrt(0.5)])


def test_the_figures_of_a_maze():
    with theme():
        (maps,) = mazes.draw(frame([cell([-5.0, -30.0])]), LOOK)
        (only,) = mazes.draw(frame([cell([-5.0, -30.0, -6.0], with_map=False, rewards=2)]), LOOK)
        assert mazes.draw(frame([cell([-5.0, -30.0], with_map=False)]), LOOK) == []
    assert maps.svg.count(b"<image") == 2 and b"seed 1" in maps.svg
    assert only.name == "t-by-reward"


def test_cells_without_a_map_and_without_another_cells_reward_have_none():
    other = frame([CellFrame("t", "m", "m", "M", record={"metrics": {}}, rewards=None)])
    assert mazes.draw(other, LOOK) == []
    assert table.table(frame([cell([-5.0])]), str) is None


def test_rewards_of_a_table_stand_beside_the_truth():
    rows = [(seed, "learnt reward", x, seed + x) for seed in (0, 1) for x in range(4)]
    rows += [(seed, "true reward", x, x) for seed in (0, 1) for x in range(4)]
    rows += [(0, "walls", -0.5, 1.5), (0, "walls", 1.5, 1.5)]
    panels = pd.DataFrame(rows, columns=["seed", "panel", "x", "y"])
    one = SimpleNamespace(panels=panels, title="M")
    tabular = SimpleNamespace(
        family="tabular", name="t", title="T", cells=[one, SimpleNamespace(panels=None, title="N")]
    )
    np.testing.assert_allclose(grids._map(panels, "learnt reward"), [[0.5, 1.5], [2.5, 3.5]])
    with theme():
        (plot,) = grids.draw(tabular)
    assert plot.svg.count(b"<image") == 3 and "learnt by M." in plot.alt  # truth, M, colour bar
    tabular.cells = tabular.cells[1:]
    assert grids.draw(tabular) == []


def test_a_ball_moves_along_the_recorded_path():
    """A room of 3 by 2 points, 0.1 apart from (0, 0), a sixth of the width in and a quarter of the height up."""
    (found,) = motion.draw(frame([cell([-5.0]), cell([-7.0], with_map=False), cell([-6.0])]))
    moving = Image.open(BytesIO(found.png))
    assert moving.n_frames == 2 and moving.size == (2 * motion.SIDE + motion.GAP, motion.SIDE)
    assert moving.size == found.size == found.stills_size
    assert [found] == motion.draw(frame([cell([-5.0]), cell([-6.0])])), "equal records give equal bytes"
    disc = (0xD5, 0x5E, 0x00)
    for step, (x, y) in enumerate(((0.0, 0.0), (0.2, 0.1))):
        moving.seek(step)
        shown = moving.convert("RGB")
        at = round((x + 0.05) / 0.3 * motion.SIDE), round((1 - (y + 0.05) / 0.2) * motion.SIDE)
        for left in (0, motion.SIDE + motion.GAP):
            assert shown.getpixel((left + at[0], at[1])) == disc, (step, left)
    assert Image.open(BytesIO(found.stills)).convert("RGB").tobytes() == shown.tobytes(), "the last frame"
    assert motion.draw(frame([cell([-7.0], with_map=False)])) == []


def test_long_paths_are_thinned_and_stay_small():
    made = cell([-5.0])
    long = pd.DataFrame({"seed": 0, "panel": "path x", "x": range(500), "y": np.linspace(0, 0.2, 500)})
    panels = made.panels[~made.panels.panel.str.startswith("path")]
    made.__dict__["panels"] = pd.concat([panels, long, long.assign(panel="path y", y=long.y / 2)])
    (found,) = motion.draw(frame([made]))
    assert Image.open(BytesIO(found.png)).n_frames == motion.FRAMES and len(found.png) < 300_000
