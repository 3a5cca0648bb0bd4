"""What DVC runs after a change: in a small tree of the same form, with a stand-in for `bench` that trains nothing."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from harness import registry
from harness.plan.pipelines import write_pipelines
from harness.plan.tests.test_keys import FILES

ROOT = Path(__file__).resolve().parents[3]

PARAMS = {
    "preset": "small",
    "protocol": 1,
    "tasks": {"line": {"family": "toy", "steps": 3}},
    "methods": {"line": {"a": {"algorithm": "line", "lr": 0.1}, "b": {"algorithm": "other", "lr": 1e-3}}},
    "ablations": {"line": {"lr": {"method": "b", "key": "lr", "values": [0.5, 1e-5], "seeds": [0]}}},
    "report": {},
}

BENCH = """\
#!{python}
import sys
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
    from harness.run.params import read_yaml
    write_keys(Path(), read_yaml(Path("params.yaml")))
elif command == "prepare":
    write(f"results/data/{{names[0]}}.json", "data")
elif command == "train":
    for name in ("record.json", "scores.csv", "curves.csv"):
        write(f"results/records/{{names[0]}}/{{names[1]}}/{{name}}", Path("params.yaml").read_text())
elif command == "evaluate":
    write("results/summary/line.json", "{{}}")
else:
    for name in ("index.html", "index.md", "manifest.txt", "methods/a.html", "figures/a.svg", "archived/far/index.html"):
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
    for name in (*(f"results/{name}" for name in empty), "presets/smoke.yaml"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("")
    (tree / "bin").mkdir()
    (tree / "bin/bench").write_text(BENCH.format(python=sys.executable, root=str(ROOT)))
    (tree / "bin/bench").chmod(0o755)
    change(tree, {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "writes", lambda family: ())
        write_pipelines(tree, PARAMS)
        patch.setenv("PATH", f"{tree / 'bin'}:/usr/bin:/bin")
        patch.chdir(tree)
        Repo().reproduce(all_pipelines=True)
    assert len((tree / "ran.txt").read_text().splitlines()) == 8  # keys, prepare, 4 cells, evaluate, report
    return tree


@pytest.fixture
def tree(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = tmp_path / "tree"
    shutil.copytree(finished, copy)
    (copy / "ran.txt").unlink()
    monkeypatch.setenv("PATH", f"{copy / 'bin'}:/usr/bin:/bin")
    monkeypatch.chdir(copy)  # where DVC looks for its repository
    return copy


def change(tree: Path, methods: dict, values: list[float] | None = None) -> None:
    ablation = PARAMS["ablations"]["line"]["lr"] | ({"values": values} if values else {})
    line = {"line": PARAMS["methods"]["line"] | methods}
    params = PARAMS | {"methods": line, "ablations": {"line": {"lr": ablation}}}
    (tree / "params.yaml").write_text(yaml.safe_dump(params))


def run(tree: Path) -> list[str]:
    """The commands that `dvc repro` runs, in alphabetical order."""
    Repo().reproduce(all_pipelines=True)
    path = tree / "ran.txt"
    return sorted(path.read_text().splitlines()) if path.exists() else []


def test_nothing_has_changed(tree: Path) -> None:
    assert Repo().status() == {}


def test_one_coefficient_runs_its_cell_and_what_follows(tree: Path) -> None:
    change(tree, {"a": {"algorithm": "line", "lr": 0.2}})
    stale = {name for name in Repo().status() if "train" in name or "ablate" in name}
    assert stale == {"pipelines/line/dvc.yaml:train@a"}
    assert run(tree) == ["evaluate", "keys", "report", "train line a"]


def test_a_new_block_and_a_new_value_run_alone(tree: Path) -> None:
    change(tree, {"c": {"algorithm": "line", "lr": 0.3}}, values=[0.5, 1e-5, 2])
    assert run(tree) == ["evaluate", "keys", "report", "train line b-lr-2", "train line c"]


def test_the_settings_of_an_ablated_method_run_its_ablation(tree: Path) -> None:
    change(tree, {"b": {"algorithm": "other", "lr": 1e-3, "width": 2}})
    assert run(tree) == ["evaluate", "keys", "report", "train line b", "train line b-lr-0.5", "train line b-lr-1e-05"]


def test_a_comment_runs_the_keys_alone(tree: Path) -> None:
    for name in ("harness/run/train.py", "baselines/parts/net.py"):
        (tree / name).write_text(FILES[name] + "# a comment\n")
    assert run(tree) == ["keys"]


def test_the_code_of_one_method_runs_its_cells(tree: Path) -> None:
    (tree / "baselines/parts/net.py").write_text("WIDTH = 4\n")
    assert run(tree) == ["keys", "train line a"]  # whose record came out the same, so nothing follows


def test_clocks_and_tests_change_nothing(tree: Path) -> None:
    (tree / "results/records/line/a/provenance.json").write_text("{}")
    (tree / "harness/tests").mkdir()
    (tree / "harness/tests/test_a.py").write_text("")
    assert run(tree) == []


def test_the_old_pages_stay_while_the_new_ones_are_made(tree: Path) -> None:
    stand_in = tree / "bin/bench"
    looks = 'else:\n    write("seen.txt", "\\n".join(p.as_posix() for p in sorted(Path("reports").rglob("*.*"))))\n'
    stand_in.write_text(stand_in.read_text().replace("else:\n", looks))
    (tree / "results/claims.yaml").write_text("[]")
    pages = [path.relative_to(tree).as_posix() for path in sorted((tree / "reports").rglob("*.*"))]
    assert run(tree) == ["report"] and len(pages) == 6
    assert (tree / "seen.txt").read_text().splitlines() == pages
