"""The page's part on speed: from the JSON files alone, with aims, ranges and downloads."""

import json
import shutil

import pytest

from harness.errors import BenchError
from harness.report.figures import speed as figure
from harness.report.records.measured import summaries
from harness.report.tables import speed
from harness.report.tables.formats import to_csv, words
from harness.report.tests.pages import render


def record(name: str, higher: bool = False, aim: dict | None = None, theirs: float | None = 2.0) -> dict:
    pairs = [{"ours": 1.0 + k / 10} | ({} if theirs is None else {"theirs": theirs}) for k in range(5)]
    one = {
        "name": "the work",
        "unit": "steps/s" if higher else "s",
        "higher_is_better": higher,
        "against": "" if theirs is None else "the peer",
        "pairs": pairs,
        **summaries(pairs),
        "aim": aim,
    }
    return {
        "benchmark": name,
        "title": name.upper(),
        "peer": None if theirs is None else {"name": "peer", "version": "1.2"},
        "settings": {},
        "machine": {"processor": "cpu", "threads": 1, "torch": "2"},
        "commit": "0123456789",
        "quick": False,
        "rows": [one],
    }


@pytest.fixture
def folder(tmp_path):
    missed, met = {"of": "ratio", "at_most": 0.5}, {"of": "ours", "at_most": 4.0}
    made = tmp_path / "made"
    made.mkdir()
    for one in (record("a", aim=missed), record("b", higher=True), record("c", theirs=None, aim=met)):
        (made / f"{one['benchmark']}.json").write_text(json.dumps(one))
    return made


def test_a_row_for_each_quantity(folder):
    (table,) = speed.speeds(folder, lambda path: path.name)
    shown = [[words(cell) for cell in row] for row in table.rows]
    assert [row[0] for row in shown] == ["A", "B", "C"]
    ranges = ["1.20 [1.00,\u00a01.40]", "2.00 [2.00,\u00a02.00]", "0.600 [0.500,\u00a00.700]"]
    assert shown[0][2:9] == ["the peer (peer 1.2)", "s", *ranges, "5", "≤\u00a00.5: missed"]
    assert table.rows[0][8].strong and shown[2][2:9:2] == ["–", "1.20 [1.00,\u00a01.40]", "–", "≤\u00a04: met"]
    assert [row[-1].files[0][1] for row in table.rows] == ["a.json", "b.json", "c.json"]
    assert table.notes == ["a, b, c: threads: 1, torch 2, commit 0123456."]
    head, first, *_ = to_csv(table).splitlines()
    assert "ours: value,ours: low,ours: high" in head and "1.2,1,1.4" in first


def test_one_pair_has_no_range(tmp_path):
    one = record("a")
    one["rows"][0] |= {"pairs": one["rows"][0]["pairs"][:1], **summaries(one["rows"][0]["pairs"][:1])}
    (tmp_path / "a-quick.json").write_text(json.dumps(one | {"benchmark": "a-quick", "quick": True}))
    (table,) = speed.speeds(tmp_path, lambda path: path.name)
    assert [words(cell) for cell in table.rows[0]][4:8] == ["1.00", "2.00", "0.500", "1"]


def test_no_table_mixes_processors(folder):
    other = record("d")
    other["machine"]["processor"] = "another"
    (folder / "d.json").write_text(json.dumps(other))
    most, least = speed.speeds(folder, str)
    assert [words(row[0]) for row in most.rows] == ["A", "B", "C"] and [words(row[0]) for row in least.rows] == ["D"]
    assert most.title.startswith("Speed on cpu:") and least.title.startswith("Speed on another:")


def test_the_figure_has_a_line_for_each_comparison(folder):
    (plot,) = figure.draw(folder)
    text = plot.svg.decode()
    assert "A: the work" in text and "B: the work" in text and "C: the work" not in text
    assert figure.draw(folder)[0].svg == plot.svg


def test_returns_stand_beside_the_peers(folder):
    one = json.loads((folder / "a.json").read_text())
    one["settings"]["returns"] = {"theirs": [[100.0, 300.0], [400.0, 400.0], [0.0, 0.0]], "one": [[250.0], [350.0]]}
    (folder / "a.json").write_text(json.dumps(one))
    (row,) = speed.returns(folder, lambda path: path.name).rows
    shown = ["200 [0,\u00a0400] (3 runs)", "300 [250,\u00a0350] (2 runs)", "–"]
    assert [words(cell) for cell in row[:-1]] == ["A", "peer 1.2", *shown]


def test_a_side_that_did_not_arrive_is_told(folder):
    one = json.loads((folder / "a.json").read_text())
    for arrived, told in (([True, True], 0), ([True, False], 1)):
        one["settings"]["arrived"] = {"ours": [True, True], "theirs": arrived}
        (folder / "a.json").write_text(json.dumps(one))
        assert sum("a: a side that missed the target" in note for note in speed.speeds(folder, str)[0].notes) == told


def test_what_was_tried(folder):
    (folder / "tried.csv").write_text("work,change,was,became,unit,kept\nan update,larger batches,0.6,0.5,s,yes\n")
    (row,) = speed.tried(folder / "tried.csv").rows
    assert [words(cell) for cell in row] == ["an update", "larger batches", "0.6", "0.5", "s", "yes"]
    assert [made.title[:5] for made in speed.tables(folder, str)] == ["Speed", "What "]
    (folder / "tried.csv").write_text("work,change,was,became,unit,kept\nan update,larger batches,0.6\n")
    with pytest.raises(BenchError, match="tried.csv: its columns must be work, change"):
        speed.tried(folder / "tried.csv")


def test_nothing_measured_is_nothing_shown(tmp_path):
    assert speed.speeds(tmp_path / "none", str) == [] and figure.draw(tmp_path / "none") == []
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(BenchError, match="x.json is not valid JSON: make it again with `bench speed`"):
        speed.speeds(tmp_path, str)


def test_the_main_page_ends_with_it(small, folder):
    root, params = small
    shutil.copytree(folder, root / "results/benchmarks")
    render(root, params, root / "reports/laptop")
    text = (root / "reports/laptop/index.html").read_text()
    assert '<a href="topics/speed.html">Speed</a>' in text and (root / "reports/laptop/figures/speed.svg").is_file()
    assert "Speed on cpu: ours beside others" in (root / "reports/laptop/index.md").read_text()
    shutil.rmtree(root / "results/benchmarks")
    render(root, params, root / "reports/laptop")
    assert not (root / "reports/laptop/topics/speed.html").exists()
