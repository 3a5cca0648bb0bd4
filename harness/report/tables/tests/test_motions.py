"""The table of characters that follow a clip: both parts of the error, and floors with their mark."""

import numpy as np
import pandas as pd
import pytest

from harness.report.records.aggregate import summarise
from harness.report.records.frame import CellFrame, TaskFrame
from harness.report.tables import motions
from harness.report.tables.formats import words
from harness.report.tables.scores import comparison, further

SEEDS = [0, 1, 2]
LABELS = {"error": "error (rad)", "time": "time until the fall (s)", "error_alive": "error until the fall (rad)"}
INSIDE = {"accuracy": 0.8, "kl": 0.5, "beta": 0.3}


def cell(name, error, time, logs=(), floor=False, metrics=tuple(LABELS)):
    """A cell whose seeds score value - .1, value and value + .1, and whose logs end as INSIDE says."""
    blocks = {
        m: {
            "label": LABELS[m],
            "higher_is_better": m == "time",
            "headline": m == "error",
            "floor": 0.0,
            "manifest": "m",
        }
        for m in metrics
    }
    record = {
        "seeds": SEEDS,
        "metrics": blocks,
        "references": {"time": {"no action": 1.5}},
        "manifests": {},
        "status": dict.fromkeys(map(str, SEEDS), "finished"),
        "params": {"method": {"bottleneck": {"i_c": 0.5}} if "kl" in logs else {}},
    }
    made = CellFrame("t", name, name, name.upper(), record=record, floor=floor)
    ends = {"error": error, "time": time, "error_alive": error / 2}
    rows = [[m, seed, 10, ends[m] + (seed - 1) / 10] for m in metrics for seed in SEEDS]
    made.__dict__["scores"] = pd.DataFrame(rows, columns=["metric", "seed", "step", "value"])
    steps = pd.DataFrame([{"seed": seed, "step": step} for step in range(1, 101) for seed in SEEDS])
    made.__dict__["curves"] = steps.assign(**{log: np.where(steps.step < 75, 9.0, INSIDE[log]) for log in logs})
    return made


def frame(*cells):
    return TaskFrame("t", "Run", "mocap", {}, None, list(cells), [])


@pytest.fixture
def run():
    return frame(
        cell("plus", 2.9, 1.7, floor=True), cell("gail", 1.2, 12, logs=["accuracy"]), cell("vail", 0.4, 19, INSIDE)
    )


def test_a_cell_without_one_of_the_parts_has_a_gap(run):
    run.cells.append(cell("old", 2.0, 3.0, metrics=("error",)))
    rows = {words(row[0]): row for row in motions.table(run, summarise(run)).rows}
    assert [words(entry) for entry in rows["OLD"][2:4]] == ["–", "–"] and words(rows["OLD"][1]).startswith("2.0")


def test_both_parts_of_the_error_stand_beside_it_with_their_seeds_best_first(run):
    table = motions.table(run, summarise(run))
    rows = {words(row[0]): row for row in table.rows}
    assert list(rows) == ["VAIL ◆", "GAIL", "PLUS ▽", "no action"]
    error, time, alive, accuracy, kl, beta = rows["VAIL ◆"][1:]
    assert (error.value, error.low, error.high) == pytest.approx((0.4, 0.3, 0.5))
    assert (time.value, alive.value) == pytest.approx((19, 0.2))
    assert (accuracy.value, kl.value, beta.value) == pytest.approx((0.8, 0.5, 0.3)), "of the last quarter alone"
    assert rows["GAIL"][5:] == rows["PLUS ▽"][5:] and words(rows["GAIL"][5]) == "–"
    assert rows["no action"][2].value == 1.5


def test_the_marks_are_explained(run):
    (said, _) = motions.table(run, summarise(run)).notes
    assert said == "◆ with the bottleneck. ▽ a floor: it learns nothing of what the task asks. Best first."


def test_other_tasks_have_none():
    other = frame(cell("bc", 0.4, 19, metrics=("error",)))
    assert motions.table(other, summarise(other)) is None


def test_what_this_table_shows_is_not_repeated_and_what_has_not_run_has_no_row_of_dashes(run):
    late = CellFrame("t", "late", "late", "LATE")
    whole = frame(*run.cells, late)
    assert further(whole, summarise(whole), motions.shown(whole)) is None
    table = further(whole, summarise(whole))
    assert [words(row[0]) for row in table.rows] == ["VAIL ◆", "GAIL", "PLUS ▽", "no action"]
    assert motions.shown(frame(cell("gail", 1.2, 12, metrics=["error"]))) == ()


def test_a_task_of_which_nothing_has_run_has_only_the_commands():
    empty = frame(CellFrame("t", "late", "late", "LATE"))
    table = comparison(empty, summarise(empty), str)
    assert table.title == "Run: nothing has run yet" and table.head == ["method", "status", "record"]
    assert [words(entry) for entry in table.rows[0][:2]] == ["LATE", "not run"]
