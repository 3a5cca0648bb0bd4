"""Figures are drawn anew where anything that they show has changed, and only there."""

from dataclasses import replace

import pytest

from harness.report.figures import drawings, figures
from harness.report.figures.style import styles
from harness.report.records.aggregate import summarise
from harness.report.records.frame import load
from harness.report.tests import tree

TASK = "vib_digits"


@pytest.fixture
def drawn(small, monkeypatch):
    """() -> the plots of the task as it lies on disk, and whether they had to be drawn."""
    root, params = small
    calls, draw = [], figures.draw
    monkeypatch.setattr(figures, "draw", lambda *arguments: calls.append(1) or draw(*arguments))

    def run(look=None):
        calls.clear()
        frame = load(root, params)[TASK]
        return drawings.draw(root / "kept", "laptop", frame, summarise(frame), look or styles(params)), bool(calls)

    return run


def test_the_same_is_not_drawn_twice_and_is_the_same(drawn, small):
    root, params = small
    first, fresh = drawn()
    assert fresh and first and drawn() == (first, False)
    frame = load(root, params)[TASK]
    assert first == figures.draw(frame, summarise(frame), styles(params))


def test_the_looks_of_other_tasks_do_not_count(drawn, small):
    first, _ = drawn()
    looks = styles(small[1])
    assert drawn(looks | {"elsewhere": looks["vib"]}) == (first, False)


def test_what_changes_is_drawn(drawn, small):
    root, params = small
    cell = root / "results/records" / TASK / "vib"
    first, _ = drawn()
    looks = styles(params)
    assert drawn(looks | {"vib": replace(looks["vib"], colour="#010203")})[1]

    scores = (cell / "scores.csv").read_text()
    head, row, *rest = scores.splitlines()
    (cell / "scores.csv").write_text("\n".join([head, row.rpartition(",")[0] + ",77", *rest]))
    assert drawn()[1]
    (cell / "scores.csv").write_text(scores)
    assert drawn() == (first, True), "one file for each task: only the last is kept"

    metrics = load(root, params)[TASK].cell("deterministic").record["metrics"]  # the first cell has the say
    name = next(iter(metrics))
    tree.edit(root, TASK, "deterministic", metrics=metrics | {name: metrics[name] | {"label": "another label"}})
    changed, fresh = drawn()
    assert fresh and any(b"another label" in plot.svg for plot in changed)


def test_another_code_draws_anew(drawn, monkeypatch):
    drawn()
    monkeypatch.setattr(drawings, "_code", lambda: b"of another version")
    assert drawn()[1]


def test_a_file_that_was_cut_off_counts_as_none(drawn, small):
    first, _ = drawn()
    path = small[0] / "kept/laptop-vib_digits.json"
    path.write_text(path.read_text()[:-100])
    assert drawn() == (first, True) and drawn() == (first, False)
