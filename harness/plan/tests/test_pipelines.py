"""The files under pipelines/ are what the parameters ask for, and DVC reads from them one stage per cell."""

from __future__ import annotations

import copy
import shlex
from pathlib import Path

import pytest
from dvc.repo import Repo

from harness.cli import main
from harness.errors import BenchError
from harness.plan.params import blocks_of
from harness.plan.pipelines import must_match, pipeline, write_pipelines
from harness.plan.plan import load_plan
from harness.tests import small
from harness.yaml_text import dump, parse

ROOT = Path(__file__).resolve().parents[3]


def test_the_committed_files_are_current() -> None:
    must_match(ROOT, blocks_of(ROOT))


def test_dvc_sees_each_cell_as_one_stage(tmp_path: Path) -> None:
    params = blocks_of(ROOT)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    write_pipelines(tmp_path, params)
    stages = {" ".join(shlex.split(stage.cmd)): stage for stage in Repo(str(tmp_path)).index.stages}
    cells = load_plan(ROOT).cells
    wanted = {f"bench train {c.task} {c.name}" for c in cells} | {f"bench prepare {c.task}" for c in cells}
    assert set(stages) == wanted
    for cell in cells:
        stage = stages[f"bench train {cell.task} {cell.name}"]
        outs = {Path(out.fs_path).relative_to(tmp_path) for out in stage.outs}
        assert {path.parent for path in outs} == {cell.folder(Path())}
        assert {"record.json", "scores.csv", "curves.csv"} <= {path.name for path in outs}
        assert not any(out.use_cache for out in stage.outs), "a record lies in git, not in the cache"
        assert f"results/keys/{cell.task}/{cell.name}.json" in {d.def_path for d in stage.deps}
    assert not any(stage.params for stage in stages.values()), "those are in the files of results/keys"


def test_dvc_reads_the_parameters_once_and_not_for_the_file_of_every_task() -> None:
    assert [path.parent.name for path in ROOT.glob("pipelines/*/dvc.yaml") if "params.yaml" in path.read_text()] == []


def test_a_name_by_hand_is_refused_by_the_first_stage_until_the_files_have_it(tmp_path: Path, capsys) -> None:
    params = small.write(tmp_path).params
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    for name in ("harness", "baselines"):  # the code that keys are hashes of
        (tmp_path / name).symlink_to(ROOT / name)
    write_pipelines(tmp_path, params)
    bench = ["--root", str(tmp_path)]
    assert main([*bench, "keys"]) == 0
    found = {path: path.read_bytes() for path in tmp_path.glob("results/keys/*/*.json")}
    params = copy.deepcopy(small.PARAMS)
    params["methods"]["pair"]["mine"] = {"like": "plain"}
    (tmp_path / "params.yaml").write_text(dump(params), encoding="utf-8")
    assert main([*bench, "keys"]) == 2
    stale_file = tmp_path / "pipelines/pair/dvc.yaml"
    assert capsys.readouterr().err == f"error: {stale_file} does not match params.yaml: run `bench pipelines`\n"
    assert {path: path.read_bytes() for path in tmp_path.glob("results/keys/*/*.json")} == found
    assert main([*bench, "pipelines"]) == 0 and main([*bench, "keys"]) == 0
    assert (tmp_path / "results/keys/pair/mine.json").is_file()


def test_a_method_that_bench_adds_or_removes_is_in_the_files_at_once(tmp_path: Path) -> None:
    write_pipelines(tmp_path, small.write(tmp_path).params)
    path = tmp_path / "pipelines/pair/dvc.yaml"
    bench = ["--root", str(tmp_path)]
    assert main([*bench, "new", "mine", "--like", "plain", "--task", "pair"]) == 0
    assert parse(path.read_text())["stages"]["train"]["foreach"] == ["plain", "mine", "wide"]
    assert main([*bench, "remove", "mine"]) == 0
    assert parse(path.read_text())["stages"]["train"]["foreach"] == ["plain", "wide"]


@pytest.mark.parametrize("words", [["new", "mine", "--like", "plain", "--task", "pair"], ["remove", "wide"]])
def test_without_the_files_nothing_is_added_or_removed(words: list[str], tmp_path: Path, capsys) -> None:
    small.write(tmp_path)
    before = (tmp_path / "params.yaml").read_bytes()
    path = tmp_path / "pipelines/pair/dvc.yaml"
    path.mkdir(parents=True)  # as unwritable as a file gets for root
    assert main(["--root", str(tmp_path), *words]) == 2
    assert (tmp_path / "params.yaml").read_bytes() == before
    err = capsys.readouterr().err
    assert err.startswith("error: ") and str(path) in err and err.count("\n") == 1


def test_files_of_tasks_that_are_gone_are_removed_and_no_others(tmp_path: Path) -> None:
    params = {"tasks": {"a": {"family": "labelled"}, "b": {"family": "images"}}, "methods": {}}
    assert len(write_pipelines(tmp_path, params)) == 2
    assert write_pipelines(tmp_path, params) == []
    lock, own = tmp_path / "pipelines/b/dvc.lock", tmp_path / "pipelines/own/dvc.yaml"
    lock.write_text("schema: '2.0'\n")
    own.parent.mkdir()
    own.write_text("stages: {}\n")
    del params["tasks"]["b"]
    with pytest.raises(BenchError, match=r"pipelines/b/dvc.yaml does not match params.yaml: run `bench pipelines`"):
        must_match(tmp_path, params)
    assert write_pipelines(tmp_path, params) == [tmp_path / "pipelines/b/dvc.yaml"]
    assert not (tmp_path / "pipelines/b/dvc.yaml").exists() and not lock.exists()
    assert own.read_text() == "stages: {}\n"
    must_match(tmp_path, params)


def test_a_file_that_is_no_text_is_written_again(tmp_path: Path) -> None:
    params = {"tasks": {"a": {"family": "labelled"}}, "methods": {}}
    (path,) = write_pipelines(tmp_path, params)
    text = path.read_text()
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BenchError, match="does not match"):
        must_match(tmp_path, params)
    assert write_pipelines(tmp_path, params) == [path] and path.read_text() == text


@pytest.mark.parametrize("family, extra", [("gaussians", {"panels.csv"}), ("labelled", set())])
def test_only_what_a_family_leaves_is_declared(family: str, extra: set[str]) -> None:
    text = pipeline("t", {"tasks": {"t": {"family": family}}, "methods": {"t": {"m": {}}}})
    assert {name for name in ("panels.csv", "sheet.png") if name in text} == extra
