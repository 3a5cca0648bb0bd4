"""No name of a parameter file, a record or a command line leaves the tree or reaches a shell.

Ablations over values of every kind reach the page.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from dvc.repo import Repo

from harness.cli import main
from harness.errors import BenchError
from harness.places.prepare import prepare
from harness.places.train import train_cell
from harness.plan.pipelines import write_pipelines
from harness.plan.plan import load_plan
from harness.report.figures import ablation
from harness.report.figures.style import styles, theme
from harness.report.records.aggregate import summarise
from harness.report.records.frame import load, shown
from harness.report.tables.ablation import ablation as table
from harness.report.tables.formats import words
from harness.report.tables.spelling import NONE
from harness.tests import small
from harness.tests.recorded import head, put
from harness.yaml_text import dump

HOSTILE = ["../x", "x; touch f", "$(touch f)", "a\nb", "", "x" * 300, "/x"]
ABLATIONS = {
    "batch": {"method": "plain", "key": "batch", "values": [16, 12], "seeds": [0, 1]},
    "loss": {"method": "plain", "key": "loss", "values": ["minimax", "hinge"], "seeds": [0, 1]},
    "spectral": {"method": "plain", "key": "spectral_norm", "values": [True], "seeds": [0, 1], "set": {"batch": 4}},
}


def project(root: Path, **changes: Any) -> None:
    root.mkdir(parents=True, exist_ok=True)
    (root / "params.yaml").write_text(dump(small.PARAMS | changes))


def everything(root: Path) -> set[Path]:
    """Return what is below `root`, without what `bench` remembers about a tree in its scratch folder."""
    return {path for path in root.rglob("*") if ".scratch" not in path.parts}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize(
    "command", [["check"], ["prepare"], ["train"], ["pipelines"], ["list"], ["evaluate"], ["report"]]
)
def test_a_hostile_method_stops_every_command_before_it_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture, name: str, command: list[str]
) -> None:
    project(tmp_path / "tree", methods={"pair": {"plain": small.CRITIC, name: small.CRITIC}})
    before = everything(tmp_path)
    assert main(["--root", str(tmp_path / "tree"), *command]) == 2
    error = capsys.readouterr().err
    says = "a string must be one line" if "\n" in name else "params.yaml: a key of methods.pair cannot be called "
    assert says in error and error.count("\n") == 1
    assert everything(tmp_path) == before


@pytest.mark.parametrize("name", [*HOSTILE, "..", "-x"])
@pytest.mark.parametrize("kind", ["preset", "unpack", "verify", "merge", "pack", "import", "new"])
def test_a_hostile_name_from_outside_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture, kind: str, name: str
) -> None:
    root, copy = tmp_path / "tree", tmp_path / "copy"
    project(root)
    project(copy, preset=name)
    if kind == "merge":
        record = copy / "results/records/pair/plain/record.json"
        put(record.parent, head("pair", "plain", preset=name))
    (tmp_path / "s.csv").write_text("")
    arguments = {
        "preset": ["preset", "--", name],
        "unpack": ["unpack", "--", name, str(copy)],
        "verify": ["verify", "--", name],
        "merge": ["merge", str(copy)],
        "pack": ["pack", str(copy)],
        "import": ["import", str(tmp_path / "s.csv"), str(tmp_path / "s.csv"), f"--name={name}"],
        "new": ["new", "--like", "plain", "--", name],
    }[kind]
    before = everything(tmp_path)
    assert main(["--root", str(root), *arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and error.startswith("error: "), error
    says = ("control character", "must be one line", "cannot be called") if "\n" in name else ("cannot be called",)
    assert any(words in error for words in says) or (kind == "import" and name == ""), error
    assert everything(tmp_path) == before


def test_unquoted_words_of_yaml_are_to_be_quoted(tmp_path: Path) -> None:
    for word, read_as in [("true", "true"), ("1", "1"), ("false", "false")]:
        text = dump(small.PARAMS).replace("    plain:", f"    {word}:")
        (tmp_path / "params.yaml").write_text(text)
        with pytest.raises(BenchError, match=f"reads this name as {read_as}, not as text: put it in quotes"):
            load_plan(tmp_path)


@pytest.mark.parametrize("seeds", [[0, 0], [-1], [2**31], [True], [0.5]])
def test_seeds_of_an_ablation_are_checked_like_those_of_a_task(tmp_path: Path, seeds: list[Any]) -> None:
    project(tmp_path, ablations={"pair": {"batch": ABLATIONS["batch"] | {"seeds": seeds}}})
    with pytest.raises(BenchError, match="params.yaml.ablations.pair.batch.seeds"):
        load_plan(tmp_path)


@pytest.mark.parametrize("name", ["plain", "x; touch f", "$(touch f)", "a b", "`x`", 'a"b'])
def test_whatever_dvc_puts_into_a_command_stays_one_argument(tmp_path: Path, name: str) -> None:
    """DVC puts the names of the files into its shell as they are, whatever was checked when they were written."""
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
    params = small.PARAMS | {
        "methods": {"pair": dict.fromkeys(("plain", name), small.CRITIC)},
        "ablations": {"pair": ABLATIONS},
    }
    project(tmp_path, **params)
    write_pipelines(tmp_path, params)
    commands = [shlex.split(stage.cmd) for stage in Repo(str(tmp_path)).index.stages]
    ablated = ["plain-batch-16", "plain-batch-12", "plain-loss-minimax", "plain-loss-hinge", "plain-spectral-true"]
    wanted = [["bench", "prepare", "pair"], *(["bench", "train", "pair", cell] for cell in {"plain", name, *ablated})]
    assert sorted(commands) == sorted(wanted)


def test_ablations_over_whole_numbers_words_and_booleans_reach_the_page(tmp_path: Path) -> None:
    tasks = {"pair": small.PARAMS["tasks"]["pair"] | {"seeds": [0, 1], "steps": 2, "evaluations": 1}}
    project(tmp_path, tasks=tasks, methods={"pair": {"plain": small.CRITIC}}, ablations={"pair": ABLATIONS})
    plan = load_plan(tmp_path)
    prepare(tmp_path, plan, "pair")
    for cell in plan.cells:
        train_cell(tmp_path, cell)
    frame = load(tmp_path, plan.params)["pair"]
    assert {cell.status for cell in frame.everything} == {"finished"}
    summary, looks = summarise(frame), styles(plan.params)
    # The method's own value (batch 8, non_saturating) has its place; beside `set` it is another thing.
    points = {"batch": ["8", "12", "16"], "loss": ["minimax", "hinge", "non_saturating"], "spectral": ["true"]}
    places = {"batch": [8, 12, 16], "loss": [0, 1, 2], "spectral": [0]}
    titles = {"batch": "plain, batch 12", "loss": "plain, loss minimax", "spectral": "plain, spectral true"}
    for swept in frame.ablations:
        assert [shown(cell.value) for cell in swept.points] == points[swept.name]
        assert [swept.place(cell) for cell in swept.points] == places[swept.name]
        assert swept.cells[0].title == titles[swept.name]
        rows = table(frame, swept, summary, lambda cell: None).rows
        assert [words(row[0]).split(" ")[0] for row in rows] == points[swept.name]
        assert all(words(row[1]) not in ("", NONE) for row in rows)
        with theme():
            drawn = ablation.draw(frame, swept, summary, looks)
        assert drawn is not None and drawn.name == f"pair-{swept.name}"
    assert set(summary[summary.ablation == "batch"].parameter) == {12, 16}
    assert set(summary[summary.ablation == "loss"].parameter) == {"minimax", "hinge"}
