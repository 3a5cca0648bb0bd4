"""How the score of a cell went, in one line, and whether anything was learnt."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.report.records.frame import CellFrame, read
from harness.report.tables.went import learnt, went
from harness.schema import Metric
from harness.tests.recorded import head, put


def cell(root: Path, *scores: tuple[float, float], higher: bool = False, floor: float = 90.0) -> CellFrame:
    """A record with an evaluation at each of the steps 10, 20, ..., scored for seeds 0 and 1."""
    metrics = {
        "error": Metric(higher_is_better=higher, floor=floor, label="error (%)", headline=True, manifest=None),
        "other": Metric(higher_is_better=True, floor=0.0, label="other", headline=False, manifest=None),
    }
    rows = [
        f"pair,plain,{seed},{10 * (i + 1)},{name},{value}\n"
        for i, values in enumerate(scores)
        for seed, value in enumerate(values)
        for name in metrics
    ]
    content = "task,method,seed,step,metric,value\n" + "".join(rows)
    put(root / "pair/plain", head("pair", "plain", metrics=metrics), scores=content.encode())
    return read(root, CellFrame("pair", "plain", "plain", "plain"))


def test_the_first_the_middle_and_the_last_evaluation_are_told(tmp_path: Path) -> None:
    five = cell(tmp_path, (80, 60), (50, 50), (30, 20), (9, 9), (6, 4))
    assert went(five) == (
        "pair/plain: error (%), lower is better: 70.0 at step 10, 25.0 at step 30, 5.0 at step 50 (mean of seeds 0-1)"
    )


def test_one_evaluation_is_told_once(tmp_path: Path) -> None:
    assert went(cell(tmp_path, (8, 6))).endswith(": 7.00 at step 10 (mean of seeds 0-1)")


@pytest.mark.parametrize(
    "scores, floor, better",
    [
        ([(10, 12), (30, 32)], 0.0, True),
        ([(500, 500), (500, 500)], 22.0, True),  # at the limit from the first evaluation on
        ([(30, 40), (25, 41)], 31.0, False),
        ([(30, 40), (35, 35)], 40.0, False),
        ([(20, 20)], 20.0, False),
    ],
)
def test_what_got_no_better_and_is_no_better_than_nothing_has_learnt_nothing(
    tmp_path: Path, scores: list, floor: float, better: bool
) -> None:
    assert learnt(cell(tmp_path, *scores, higher=True, floor=floor)) is better
    mirrored = [tuple(-value for value in values) for values in scores]
    assert learnt(cell(tmp_path, *mirrored, higher=False, floor=-floor)) is better
