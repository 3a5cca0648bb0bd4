"""Normalised returns of older records take the expert as its own cell was scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.report.records.frame import CellFrame, read

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize(("preset", "seed"), [("hopper", 1), ("half_cheetah", 2)])
def test_archived_returns_are_shares_of_what_the_expert_got_by_all_its_episodes(preset: str, seed: int) -> None:
    folder = ROOT / "results/archive" / preset
    cell = read(folder, CellFrame(preset, "vail", "vail", "VAIL"))
    expert = pd.read_csv(folder / f"{preset}_expert/ppo/scores.csv")
    last = expert[(expert.step == expert.step.max()) & (expert.seed == seed)].set_index("metric").value
    low = cell.head["references"]["return"]["actions at random"]
    for name, normalised in (("return", "normalised"), ("return_mode", "normalised_mode")):
        assert cell.head["references"][name]["expert"] == last[name]
        share = (cell.endpoint(name) - low) / (last[name] - low)
        np.testing.assert_allclose(cell.endpoint(normalised), share)
        manifest = cell.head["manifests"][cell.head["metrics"][normalised]["manifest"]]
        assert manifest["between"] == {"actions at random": low, "expert": last[name]}
    kept = pd.read_csv(folder / preset / "vail/scores.csv")
    assert len(kept[kept.metric == "normalised"]) == len(cell.scores[cell.scores.metric == "normalised"])
