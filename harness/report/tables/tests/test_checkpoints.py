"""The best checkpoint of a run, by hand-made scores: no half of the data scores what it chose."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from harness.errors import BenchError
from harness.report.records.checkpoints import checkpoints
from harness.report.records.frame import CellFrame, TaskFrame, read
from harness.report.tables import checkpoints as tables
from harness.report.tables.formats import words
from harness.report.tables.spelling import TIED
from harness.schema import Metric
from harness.tests.recorded import head, put

STEPS = (10, 20, 30)
# Of seed 0, half 0 is least at step 10 and half 1 at step 20; of seed 1 both are least at the end.
HALF_0 = ((1.0, 2.0, 3.0), (9.0, 8.0, 4.0))
HALF_1 = ((7.0, 5.0, 6.0), (9.0, 8.0, 6.0))


def cell(root: Path, *halves: tuple, name: str = "plain", up: bool = False, seeds: Sequence[int] = (0, 1)) -> CellFrame:
    """A record of two or more seeds: the error (the mean of its halves) at three steps, and the halves if given."""
    found = {"error": np.mean(halves or (HALF_0, HALF_1), 0)} | {
        f"half_{k}_error": half for k, half in enumerate(halves)
    }
    metrics = {
        metric: Metric(higher_is_better=up, floor=90.0, label=metric, headline=metric == "error", manifest=None)
        for metric in found
    }
    rows = [
        f"pair,{name},{seed},{step},{metric},{values[seed][place]}\n"
        for metric, values in found.items()
        for seed in seeds
        for place, step in enumerate(STEPS)
    ]
    more = {"blocks": (tuple(seeds),), "status": dict.fromkeys(seeds, "finished")}
    more["state_hashes"] = {seed: {1: "3" * 16} for seed in seeds}
    content = "task,method,seed,step,metric,value\n" + "".join(rows)
    put(root / "pair" / name, head("pair", name, metrics=metrics, seeds=tuple(seeds), **more), scores=content.encode())
    return read(root, CellFrame("pair", name, name, name))


def frame(*cells: CellFrame) -> TaskFrame:
    return TaskFrame("pair", "Pair", "gaussians", {}, None, list(cells), [])


def test_each_half_scores_what_the_other_chose(tmp_path: Path) -> None:
    found = checkpoints(cell(tmp_path, HALF_0, HALF_1), "error")
    assert found is not None
    assert found.best.tolist() == [(7.0 + 2.0) / 2, (6.0 + 4.0) / 2], "not 1 and 5, the least of each half"
    assert found.last.tolist() == [(3.0 + 6.0) / 2, (4.0 + 6.0) / 2]
    assert found.step.tolist() == [(10 + 20) / 2, 30.0]


def test_higher_scores_are_chosen_where_higher_is_better(tmp_path: Path) -> None:
    found = checkpoints(cell(tmp_path, HALF_0, HALF_1, up=True), "error")
    assert found is not None and found.best.tolist() == [(6.0 + 1.0) / 2, (9.0 + 9.0) / 2]


def test_without_halves_nothing_is_chosen(tmp_path: Path) -> None:
    plain = cell(tmp_path)
    assert checkpoints(plain, "error") is None and tables.table(frame(plain)) is None
    assert tables.table(frame(CellFrame("pair", "none", "none", "none"))) is None, "nothing has run"


def test_a_checkpoint_without_a_score_is_named(tmp_path: Path) -> None:
    made = cell(tmp_path, HALF_0, HALF_1)
    assert made.folder is not None
    path = made.folder / "scores.csv"
    path.write_text(path.read_text().replace("pair,plain,1,20,half_0_error,8.0\n", ""))
    with pytest.raises(BenchError, match="pair/plain: half_0_error must have exactly one finite score at step 20"):
        checkpoints(made, "error")


def test_halves_are_shown_by_this_table_alone_and_the_best_method_is_first(tmp_path: Path) -> None:
    falls = ((1.0, 2.0, 9.0), (1.0, 2.0, 9.0))
    task = frame(cell(tmp_path, HALF_0, HALF_1), cell(tmp_path, falls, falls, name="falls"), cell(tmp_path, name="old"))
    assert list(task.metrics) == ["error"]
    table = tables.table(task)
    assert table is not None
    assert [[words(entry).replace(TIED, " ") for entry in row] for row in table.rows] == [
        ["falls", "1.00", "9.00", "−8.00", "10", "2"],
        ["plain", "4.75", "4.75", "0.00", "22", "1"],
    ], "two seeds have no interval"


def test_five_seeds_have_intervals(tmp_path: Path) -> None:
    same = ((1.0, 2.0, 9.0),) * 5
    table = tables.table(frame(cell(tmp_path, same, same, seeds=range(5))))
    assert table is not None
    (row,) = [[words(entry).replace(TIED, " ") for entry in row] for row in table.rows]
    assert row[1:4] == ["1.00 [1.00, 1.00]", "9.00 [9.00, 9.00]", "−8.00 [−8.00, −8.00]"]
