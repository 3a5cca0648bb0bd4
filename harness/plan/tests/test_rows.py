"""No two rows of a table tell of one and the same run: by the parameters of all presets, and by the records."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.plan.plan import load_plan
from harness.report.records.bottleneck import i_c
from harness.report.records.frame import CellFrame, read
from harness.run.params import flatten
from harness.workspace.presets import compose_preset, names
from harness.yaml_text import dump

ROOT = Path(__file__).resolve().parents[3]
PLACES = ("results/records/*", "results/archive/*/*")
FOLDERS = sorted(path for place in PLACES for path in ROOT.glob(place) if path.is_dir())
POINT = ["seed", "step", "metric"]
# (task, cell, cell) whose scores may agree to the bit, with the reason.
DECLARED: dict[tuple[str, str, str], str] = {}


def twins(scores: dict[str, pd.DataFrame]) -> list[tuple[str, str]]:
    """Pairs of cells whose scores agree to the bit wherever both have one, as an ablation may have fewer seeds."""
    if not scores:
        return []
    wide = pd.concat({name: rows.set_index(POINT).value for name, rows in scores.items()}, axis=1)
    values, found = {name: wide[name].to_numpy() for name in wide}, []
    for a, b in itertools.combinations(values, 2):
        shared = ~(np.isnan(values[a]) | np.isnan(values[b]))
        if shared.any() and (values[a] == values[b])[shared].all():
            found.append((a, b))
    return found


def records(folder: Path) -> dict[str, CellFrame]:
    """The folder's cells; of live records only those of the present parameters: the others are to be trained again."""
    found = sorted(path.parent.name for path in folder.glob("*/record.json"))
    cells = {name: read(folder.parent, CellFrame(folder.name, name, name, name)) for name in found}
    if folder.parent.name != "records":
        return cells
    planned = {cell.name: cell for cell in load_plan(ROOT).cells if cell.task == folder.name}
    return {name: cell for name, cell in cells.items() if name in planned and _same(cell, planned[name])}


def _same(recorded: CellFrame, planned) -> bool:
    """Whether all settings that both know agree; a newer one may have come with its default."""
    then, now = flatten(recorded.record["params"]["method"]), flatten(planned.method_params.model_dump(mode="json"))
    return all(now[key] == then[key] for key in now.keys() & then.keys())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_no_two_records_hold_the_same_scores(folder):
    found = twins({name: cell.scores for name, cell in records(folder).items()})
    assert [pair for pair in found if (folder.name, *pair) not in DECLARED] == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_every_bound_has_been_at_work(folder):
    """Where beta stays as it was at first, I_c is out of reach: the row is that of a fixed beta by another name."""
    still = []
    for name, cell in records(folder).items():
        if i_c(cell) is not None and cell.curves is not None and "beta" in cell.curves:
            still += [name] * (cell.curves.beta.nunique() == 1)
    assert still == []


def test_twins_are_found_on_the_seeds_that_both_have():
    rows = pd.DataFrame([(seed, 10, "return", 1.0 + seed) for seed in range(4)], columns=[*POINT, "value"])
    moved = rows.assign(value=rows.value.add([0, 0, 0, 1e-12]))
    assert twins({"a": rows, "b": moved, "c": rows[:2]}) == [("a", "c"), ("b", "c")]


@pytest.mark.parametrize("preset", ["params.yaml", *names(ROOT)])
def test_no_two_cells_of_a_task_have_the_same_parameters(preset, tmp_path):
    """Policies that train on learnt rewards differ by the cell of their name, which learnt the reward."""
    root = ROOT
    if preset != "params.yaml":
        root = tmp_path
        (root / "params.yaml").write_text(dump(compose_preset(ROOT, preset)), encoding="utf-8")
    rows: dict[tuple, list[str]] = {}
    for cell in load_plan(root).cells:
        if not getattr(cell.task_params, "rewards", None):
            key = cell.task, json.dumps(cell.method_params.model_dump(mode="json"), sort_keys=True), cell.seeds
            rows.setdefault(key, []).append(cell.name)
    assert [same for same in rows.values() if len(same) > 1] == []
