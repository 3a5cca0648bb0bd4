"""The command that gives cells the seeds that a comparison would take."""

from __future__ import annotations

from typing import Any

import pytest

from harness.report.records.frame import CellFrame, TaskFrame
from harness.report.records.more import command


def cell(name: str, seeds: int, named: int, **more: Any) -> CellFrame:
    record = {"seeds": list(range(seeds)), "ablation": more.pop("ablation", None)}
    return CellFrame("maze", name, name, name, record=record, named=tuple(range(named)), **more)


def frame(*cells: CellFrame, preset: str = "") -> TaskFrame:
    return TaskFrame("maze", "Maze", "maze", {}, cells[0].name, list(cells), [], preset)


@pytest.mark.parametrize(
    ("cells", "preset", "needed", "line"),
    [
        ([("a", 10, 10), ("b", 10, 10)], "", 30, "bench train maze a b --seeds 10-29"),
        ([("a", 10, 10), ("b", 10, 10)], "", 10, ""),
        ([("a", 5, 10), ("b", 5, 10)], "", 8, "bench train maze/a maze/b"),  # ten are named, five have run
        ([("a", 5, 10), ("b", 5, 10)], "old", 8, "bench preset old --jobs 2"),
        ([("a", 20, 10), ("b", 10, 10)], "", 30, "bench train maze a b --seeds 10-29"),
        (
            [("a", 10, 10), ("b", 10, 10)],
            "old",
            30,
            "bench preset old --more-seeds 20 --jobs 2 --only maze/a maze/b",
        ),
        # Ten more than the fewer: the others get as many, and the shared ones are thirty.
        ([("a", 5, 5), ("b", 3, 3)], "old", 13, "bench preset old --more-seeds 10 --jobs 2 --only maze/a maze/b"),
    ],
)
def test_it_counts_from_what_the_parameters_name(cells, preset: str, needed: int, line: str) -> None:
    made = frame(*(cell(*words) for words in cells), preset=preset)
    assert command(made, ["a", "b"], needed) == line


def test_re_trainings_are_counted_by_their_rewards() -> None:
    """Thirty re-trainings of ten rewards: thirty rewards are twenty more, each with one more re-training."""
    words = {"rewards": 10}
    live = frame(cell("a", 30, 30, **words), cell("b", 30, 30, **words))
    assert command(live, ["a", "b"], 30) == "bench train maze/a maze/b --more-seeds 20"
    assert command(live, ["a", "b"], 10) == ""
    ablated = frame(cell("a", 30, 30, **words), cell("b", 30, 30, ablation={"name": "i_c"}, **words))
    assert command(ablated, ["a", "b"], 30) == ""


def test_what_has_not_run_gets_no_more_seeds() -> None:
    assert command(frame(cell("a", 5, 5), CellFrame("maze", "b", "b", "b")), ["a", "b"], 30) == ""
