"""What is said of a cell trained again, and how many 'different' ones pass as chance."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from harness.report.records.frame import CellFrame
from harness.workspace.reproduce import other_devices, repetition, tally

COMMITTED = [10.0, 12.0, 11.0, 13.0, 9.0]  # mean 11, standard deviation sqrt(2.5)
# t_{4, 0.975} sqrt(2.5) sqrt(1/5 + 1/5) = 2.776445 * 1.581139 * 0.632456
HALF = 2.776445


def cell(folder: Path, scores: list[float], **changes) -> CellFrame:
    folder.mkdir()
    metrics = {"a": {"headline": False}, "b": {"headline": True}}
    record = {"seeds": list(range(len(scores))), "metrics": metrics, "key": 1} | changes
    rows = [("t,m", s, step, "b", v) for s, x in enumerate(scores) for step, v in ((1, 99.0), (2, x))]
    rows += [("t,m", s, 2, "a", 5.0) for s in range(len(scores))]
    lines = ["task,method,seed,step,metric,value", *(",".join(map(str, row)) for row in rows)]
    (folder / "scores.csv").write_text("\n".join(lines))
    return CellFrame("t", "m", "m", "M", folder=folder, record=record)


def judged(tmp_path: Path, scores: list[float], **changes) -> tuple[str, str]:
    found = repetition(cell(tmp_path / "committed", COMMITTED), cell(tmp_path / "fresh", scores, **changes))
    return found.word, found.note


def test_the_same_bytes(tmp_path: Path) -> None:
    assert judged(tmp_path, COMMITTED) == ("bit-equal", "")


def test_the_same_bits_by_other_code_are_the_same_bits(tmp_path: Path) -> None:
    assert judged(tmp_path, COMMITTED, training_key="f" * 16) == (
        "bit-equal",
        "although the committed record is of other code",
    )


def test_the_same_scores_in_another_record_name_the_difference(tmp_path: Path) -> None:
    word, note = judged(tmp_path, COMMITTED, key=2)
    assert word == "inside"
    assert note.endswith("differs in key")


@pytest.mark.parametrize(
    "shift, word", [(HALF - 0.01, "inside"), (HALF + 0.01, "different"), (-HALF - 0.01, "different")]
)
def test_the_interval_is_that_of_the_mean_of_as_many_runs(tmp_path: Path, shift: float, word: str) -> None:
    assert judged(tmp_path, list(np.add(COMMITTED, shift)))[0] == word


def test_missing_records_are_not_judged(tmp_path: Path) -> None:
    here = cell(tmp_path / "one", COMMITTED)
    assert repetition(CellFrame("t", "m", "m", "M"), here).word == "not judged"
    assert repetition(here, CellFrame("t", "m", "m", "M")).word == "not run"
    one, other = (cell(tmp_path / name, [x]) for name, x in (("a", 1.0), ("b", 2.0)))
    assert repetition(one, other).word == "not judged"


def test_the_tally_lets_pass_what_chance_brings() -> None:
    """Of 20 judged one is expected; P(more than 3) = 0.016 and P(more than 2) = 0.075 under Bin(20, 0.05)."""
    assert tally(["inside"] * 17 + ["different"] * 3)[0] == 0
    status, lines = tally(["inside"] * 16 + ["different"] * 4 + ["bit-equal"] * 5)
    assert status == 1
    assert lines[0] == "25 cells: 5 bit-equal, 4 different, 16 inside"
    assert "1.0 are expected" in lines[1]


def test_one_different_cell_alone_does_not_pass() -> None:
    """P(1 of 1) = 0.05 by chance: bin(1, 0.05) exceeds 0 in exactly one of 20 runs."""
    assert tally(["bit-equal"] * 3 + ["different"])[0] == 1


def test_a_cell_that_did_not_run_fails() -> None:
    assert tally(["bit-equal"])[0] == 0
    assert tally(["bit-equal", "not run"])[0] == 1


def test_another_kind_of_processor_is_named() -> None:
    here = Counter({"A": 4})
    assert other_devices(Counter({"A": 3}), here) == []
    (line,) = other_devices(Counter({"A": 3, "B": 2}), here)
    assert "elsewhere (2 on B), these from A" in line
