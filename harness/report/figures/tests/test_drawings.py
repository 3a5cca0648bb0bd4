"""Figures are drawn anew where anything that they show has changed, and only there."""

import shutil
from dataclasses import replace

import pytest

from harness.report.figures import drawings, figures
from harness.report.figures.style import Plot, styles
from harness.report.records.aggregate import summarise
from harness.report.records.frame import load
from harness.report.tests import tree

FIGURES = "figures/figures.py"
PLOT = Plot("speed", "Speed", "What it shows.", "A plot.", b"<svg/>")
TASK = "vib_digits"
WHOLE = ("toy", "mazes", "grids", "scores", "learning", "motions", "training", "panels")  # figures of a whole task


@pytest.fixture
def drawn(small, monkeypatch):
    """() -> the plots of the task as it lies on disk, and the parts that had to be drawn."""
    root, params = small
    calls, draw = [], figures.draw_part
    monkeypatch.setattr(figures, "draw_part", lambda part, *rest: calls.append(part) or draw(part, *rest))

    def run(look=None, packed=None):
        calls.clear()
        frame = load(root, params)[TASK]
        kept = drawings.Drawings(root / "kept", packed)
        found = kept.draw("laptop", {TASK: frame}, {TASK: summarise(frame)}, look or styles(params), {TASK: None})
        run.files = dict(kept.files())
        return found[TASK], [(part.kind, part.frame.cells[0].name if part.frame.cells else "") for part in calls]

    return run


def test_the_same_is_not_drawn_twice_and_is_the_same(drawn, small):
    root, params = small
    first, fresh = drawn()
    assert fresh and first and drawn() == (first, [])
    frame = load(root, params)[TASK]
    assert first == figures.draw(frame, summarise(frame), styles(params))


def test_the_looks_of_other_tasks_do_not_count(drawn, small):
    first, _ = drawn()
    looks = styles(small[1])
    assert drawn(looks | {"elsewhere": looks["vib"]}) == (first, [])


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
    assert drawn()[0] == first, "one file for each task: only the last is kept"

    metrics = load(root, params)[TASK].cell("deterministic").record["metrics"]  # the first cell has the say
    name = next(iter(metrics))
    tree.edit(root, TASK, "deterministic", metrics=metrics | {name: metrics[name] | {"label": "another label"}})
    changed, fresh = drawn()
    assert fresh and any(b"another label" in plot.svg for plot in changed)


def test_another_code_draws_anew(drawn, monkeypatch):
    drawn()
    monkeypatch.setattr(drawings, "_code", lambda first: b"of another version")
    assert drawn()[1]


def test_a_reworded_comment_or_docstring_is_the_same_code(tmp_path):
    def bare(text):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.py"
        path.write_text(text)
        return drawings._bare(path)

    first = bare('"""One."""\ndef f():\n    """Two."""\n    return 1  # three\n')
    assert bare('"""Uno."""\n\n\ndef f():\n    """Due."""\n    return 1\n') == first
    assert bare('"""One."""\ndef f():\n    """Two."""\n    return 2  # three\n') != first


def test_only_code_that_draws_counts():
    names = {path.relative_to(drawings.REPORT).as_posix() for path in drawings._imported([drawings.REPORT / FIGURES])}
    assert {FIGURES, "figures/style.py", "figures/diagnosis.py", "stats/centre.py", "records/frame.py"} <= names
    assert not {name for name in names if name.startswith("page/") or name == "tables/speed.py"}


def test_a_file_that_was_cut_off_counts_as_none(drawn, small):
    first, _ = drawn()
    path = small[0] / "kept/laptop-vib_digits.json"
    path.write_text(path.read_text()[:-100])
    again, fresh = drawn()
    assert again == first and fresh and drawn() == (first, [])


def test_a_changed_record_is_drawn_where_it_is_shown(drawn, small):
    """Not on the pages of methods that it is not beside."""
    first, _ = drawn()
    scores = small[0] / "results/records" / TASK / "vib/scores.csv"
    scores.write_text(scores.read_text().replace("\n", "\n", 1) + "\n")
    again, fresh = drawn()
    assert {kind for kind, cell in fresh if cell != "vib"} <= {*WHOLE, "ablation"}
    assert ("curve", "deterministic") not in fresh and ("curve", "vib") in fresh
    assert again == first


def test_what_a_report_packed_is_not_drawn_again(drawn, small):
    """As in a fresh clone, wherever it lies."""
    root = small[0]
    first, _ = drawn()
    files = drawn.files
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    shutil.rmtree(root / "kept")
    assert drawn(packed=root / drawings.FOLDER) == (first, [])
    assert drawn.files == files


def test_a_figure_of_several_tasks_is_drawn_once(tmp_path):
    calls, code = [], drawings.REPORT / "figures/speed.py"

    def once(shown, folder=tmp_path / "kept", packed=None):
        kept = drawings.Drawings(folder, packed)
        found = kept.once("every-speed", code, shown, lambda: calls.append(shown) or [PLOT])
        return found, dict(kept.files())

    assert once(("one", 1.0))[0] == once(("one", 1.0))[0] == [PLOT] and calls == [("one", 1.0)]
    once(("one", 1.5))
    assert calls == [("one", 1.0), ("one", 1.5)], "what it shows has changed"
    (name, content), *_ = once(("one", 1.5))[1].items()
    (tmp_path / name).parent.mkdir()
    (tmp_path / name).write_bytes(content)
    assert once(("one", 1.5), None, tmp_path / drawings.FOLDER)[0] == [PLOT] and len(calls) == 2, "it is in the report"
