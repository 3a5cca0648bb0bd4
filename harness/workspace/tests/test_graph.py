"""What DVC runs after a change: in a small tree of the same form, with a stand-in for `bench` that trains nothing."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dvc.cli import main as dvc
from dvc.repo import Repo
from dvc.utils.hydra import apply_overrides

from harness import registry
from harness.plan.params import blocks_of
from harness.plan.pipelines import write_pipelines
from harness.plan.tests.test_keys import FILES
from harness.run.like import compose
from harness.yaml_text import dump, parse

ROOT = Path(__file__).resolve().parents[3]

PARAMS = {
    "preset": "small",
    "protocol": 1,
    "tasks": {"line": {"family": "toy", "steps": 3}},
    "methods": {
        "line": {
            "a": {"algorithm": "line", "lr": 0.1, "net": {"width": 8, "code": {"i_c": 0.5}}},
            "b": {"algorithm": "other", "lr": 1e-3},
            "like_a": {"like": "a", "net": {"width": 16}},
        }
    },
    "ablations": {"line": {"lr": {"method": "b", "key": "lr", "values": [0.5, 1e-5], "seeds": [0]}}},
    "report": {},
}

BENCH = """\
#!{python}
import json, sys
from pathlib import Path
sys.path.insert(0, {root!r})

def write(path, text):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)

command, *names = sys.argv[1:]
with open("ran.txt", "a") as log:
    print(command, *names, file=log)
if command == "keys":
    from harness.plan.keys import write_keys
    from harness.plan.params import blocks_of
    write_keys(Path(), blocks_of(Path()))
elif command == "prepare":
    write(f"results/data/{{names[0]}}.json", "data")
elif command == "train":
    params = json.loads(Path(f"results/keys/{{names[0]}}/{{names[1]}}.json").read_text())["params"]
    for name in ("record.json", "scores.csv", "curves.csv"):
        write(f"results/records/{{names[0]}}/{{names[1]}}/{{name}}", json.dumps(params))
elif command == "evaluate":
    write("results/summary/line.csv", "a")
    write("results/metrics/line/a.json", "{{}}")
else:
    below = [f"{{folder}}/a.html" for folder in ("methods", "tasks", "topics")] + ["figures/a.svg", "drawn/a.json.xz"]
    for name in ["index.html", "index.md", "page.css", "page.js", "manifest.txt", *below]:
        write(f"reports/small/{{name}}", "page")
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree in which everything has run once."""
    tree = tmp_path_factory.mktemp("graph")
    for name, text in FILES.items() | {("harness/report/page/render.py", "")}:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    for name in ("dvc.yaml", ".dvcignore"):
        shutil.copy(ROOT / name, tree / name)
    (tree / ".dvc").mkdir()
    (tree / ".dvc/config").write_text((ROOT / ".dvc/config").read_text() + "    no_scm = true\n")
    empty = [
        "published.csv",
        "claims.yaml",
        "archive/README.md",
        "external/README.md",
        "statistics/coverage.csv",
        "benchmarks/README.md",
    ]
    for name in (*(f"results/{name}" for name in empty), "presets/smoke.yaml", "baselines/formulas.yaml"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("")
    (tree / "bin").mkdir()
    (tree / "bin/bench").write_text(BENCH.format(python=sys.executable, root=str(ROOT)))
    (tree / "bin/bench").chmod(0o755)
    change(tree, {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{tree / 'bin'}:/usr/bin:/bin")
        patch.chdir(tree)
        Repo().reproduce(all_pipelines=True)
    assert len((tree / "ran.txt").read_text().splitlines()) == 9  # keys, prepare, 5 cells, evaluate, report
    return tree


@pytest.fixture
def tree(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = tmp_path / "tree"
    shutil.copytree(finished, copy)
    (copy / "ran.txt").unlink()
    monkeypatch.setenv("PATH", f"{copy / 'bin'}:/usr/bin:/bin")
    monkeypatch.chdir(copy)  # where DVC looks for its repository
    return copy


def change(tree: Path, methods: dict[str, Any], **sections: Any) -> None:
    """Lay blocks over those of PARAMS."""
    params = compose(PARAMS, sections | {"methods": {"line": methods}}, "test")
    (tree / "params.yaml").write_text(dump(params))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "writes", lambda family: ())
        write_pipelines(tree, params)


def run(tree: Path) -> list[str]:
    """The commands that `dvc repro` runs, in alphabetical order."""
    Repo().reproduce(all_pipelines=True)
    path = tree / "ran.txt"
    return sorted(path.read_text().splitlines()) if path.exists() else []


def test_nothing_has_changed(tree: Path) -> None:
    assert Repo().status() == {}


def test_a_base_runs_the_cells_that_are_like_it_and_no_other(tree: Path) -> None:
    change(tree, {"a": {"lr": 0.2}})
    assert run(tree) == ["evaluate", "keys", "report", "train line a", "train line like_a"]


def test_titles_run_no_cell(tree: Path) -> None:
    change(tree, {"a": {"title": "A"}}, tasks={"line": {"title": "A line"}})
    assert run(tree) == ["evaluate", "keys", "report"]


def test_a_new_block_and_a_new_value_run_alone(tree: Path) -> None:
    ablations = {"line": {"lr": {"values": [0.5, 1e-5, 2]}}}
    change(tree, {"c": {"algorithm": "line", "lr": 0.3}}, ablations=ablations)
    assert run(tree) == ["evaluate", "keys", "report", "train line b-lr-2", "train line c"]


def test_the_settings_of_an_ablated_method_run_its_ablation(tree: Path) -> None:
    change(tree, {"b": {"width": 2}})
    assert run(tree) == ["evaluate", "keys", "report", "train line b", "train line b-lr-0.5", "train line b-lr-1e-05"]


def test_a_comment_runs_the_keys_alone(tree: Path) -> None:
    for name in ("harness/run/train.py", "baselines/parts/net.py"):
        (tree / name).write_text(FILES[name] + "# a comment\n")
    assert run(tree) == ["keys"]


def test_the_code_of_one_method_runs_its_cells(tree: Path) -> None:
    (tree / "baselines/parts/net.py").write_text("WIDTH = 4\n")
    assert run(tree) == ["keys", "train line a", "train line like_a"]  # same records as before: nothing follows


def git(*words: str) -> None:
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t", *words], check=True, capture_output=True)


def test_an_experiment_trains_with_the_value_that_it_sets(tree: Path) -> None:
    """`dvc exp run -S` on a method's own key, in a git repository, and what `dvc params diff` tells of it."""
    (tree / ".dvc/config").write_text((ROOT / ".dvc/config").read_text())
    (tree / ".gitignore").write_text("ran.txt\n.dvc/tmp\n.dvc/cache\n")
    before = "# the net is small\n" + (tree / "params.yaml").read_text()
    (tree / "params.yaml").write_text(before)
    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--message", "all")
    assert dvc(["exp", "run", "--set-param", "methods.line.a.net.code.i_c=0.2"]) == 0
    assert "train line a\n" in (tree / "ran.txt").read_text()
    records = [json.loads((tree / f"results/records/line/{cell}/record.json").read_text()) for cell in ("a", "like_a")]
    assert [record["method"]["net"]["code"]["i_c"] for record in records] == [0.2, 0.2]
    assert [record["method"]["net"]["width"] for record in records] == [8, 16]
    assert (tree / "params.yaml").read_text() == before.replace("i_c: 0.5", "i_c: 0.2")
    assert Repo().params.diff()["diff"] == {
        "params.yaml": {"methods.line.a.net.code.i_c": {"old": 0.5, "new": 0.2, "diff": -0.3}}
    }


def test_dvc_sets_a_value_in_params_yaml_and_loses_nothing_else(tmp_path: Path) -> None:
    """It writes the file anew, lists on lines of their own and null as nothing, but every comment and value stays."""
    text = (ROOT / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(text)
    apply_overrides(tmp_path / "params.yaml", ["methods.digits8.vgan.bottleneck.i_c=0.2"])
    after = (tmp_path / "params.yaml").read_text()
    assert comments(after) == comments(text) and len(comments(text)) > 20
    wanted = parse(text)
    wanted["methods"]["digits8"]["vgan"]["bottleneck"]["i_c"] = 0.2
    assert parse(after) == wanted
    old, new = (blocks_of(root)["methods"]["digits8"] for root in (ROOT, tmp_path))
    assert {name for name in old if old[name] != new[name]} == {"vgan", "vgan_sn", "vgan_gp", "rsgan_vdb_gp"}


def comments(text: str) -> list[str]:
    return re.findall(r"(?:^|\s)(#.*)$", text, re.M)
