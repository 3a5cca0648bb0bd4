"""From a plan to trained cells and what is done with them: pool, list, export, merge."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml

from harness import registry
from harness.cli import main
from harness.errors import BenchError
from harness.places.pool import LOG, train_all
from harness.places.prepare import prepare
from harness.places.score import tier
from harness.places.train import finish_cell, train_block, train_cell
from harness.plan.plan import Plan, load_plan
from harness.plan.state import begun, state
from harness.run.checkpoint import lock_folder
from harness.tests import small
from harness.tests.recorded import reseal
from harness.workspace.export import export
from harness.workspace.merge import merge


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Plan]:
    """Both cells, one after the other in this process."""
    root = tmp_path_factory.mktemp("trained")
    plan = small.write(root)
    prepare(root, plan, "pair")
    for cell in plan.cells:
        train_cell(root, cell)
    return root, plan


def test_workers_make_the_same_records_and_one_failure_stops_no_other(
    trained: tuple[Path, Plan], tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    alone, plan = trained
    prepare(tmp_path, plan, "pair")
    in_the_way = plan.cell("pair", "wide").folder(tmp_path)
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_text("a file where the record's folder should be")
    with pytest.raises(BenchError, match="1 of 6 jobs failed .*, the first was pair/wide scores: cannot write"):
        train_all(tmp_path, plan.cells, plan, workers=2)
    out = capfd.readouterr()
    assert len(out.out.splitlines()) == 6
    assert "[6/6]" in out.out
    assert out.err == "", "the workers' own lines belong in the log"
    assert "pair/plain" in (tmp_path / LOG).read_text()
    for name in ("record.json", "scores.csv", "curves.csv"):
        place = plan.cell("pair", "plain").folder(Path()) / name
        assert (tmp_path / place).read_bytes() == (alone / place).read_bytes()


@pytest.mark.parametrize("jobs", [1, 2])
def test_asked_to_stop_training_ends_at_a_checkpoint(jobs: int, tmp_path: Path) -> None:
    """None would be due for 20 s; the steps would take an hour."""
    params = copy.deepcopy(small.PARAMS)
    params["tasks"]["pair"]["steps"] = 10**6
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    plan = load_plan(tmp_path)
    prepare(tmp_path, plan, "pair")
    code = "import sys; from harness.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "--root", str(tmp_path), "train", "pair", "plain", "--jobs", str(jobs)]
    with subprocess.Popen(command, cwd=registry.ROOT, stderr=subprocess.PIPE, text=True) as run:
        while len(list(tmp_path.glob(".scratch/runs/*/*/run.json"))) < jobs:
            time.sleep(0.05)
            assert run.poll() is None
        time.sleep(1.0)
        run.terminate()
        assert run.wait(timeout=10) == 143
        assert run.stderr.read() == "stopped by SIGTERM; run the same command to continue from the last checkpoint\n"
    saved = list(tmp_path.glob(".scratch/runs/*/*/checkpoint.pt"))
    assert len(saved) == jobs
    assert not list(tmp_path.rglob("*.aside"))


def test_one_process_at_a_time_scores_a_cell(trained: tuple[Path, Plan]) -> None:
    root, plan = trained
    held = root / ".scratch/scores/pair/plain"
    with lock_folder(held), pytest.raises(BenchError, match="scores/pair/plain is in use by another run: wait until"):
        finish_cell(root, plan.cell("pair", "plain"))
    finish_cell(root, plan.cell("pair", "plain"))


def test_a_half_trained_cell_tells_its_step_and_from_where_it_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    plan = small.write(tmp_path)
    cell = plan.cell("pair", "plain")
    assert begun(tmp_path, cell) == ""
    prepare(tmp_path, plan, "pair")
    assert begun(tmp_path, cell) == ""
    assert not train_block(tmp_path, cell, 0, deadline=0)  # stops after its first step
    assert begun(tmp_path, cell) == "1/0 of 4"
    capsys.readouterr()
    assert main(["--root", str(tmp_path), "list"]) == 0
    shown = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert "not run, begun: step 1/0 of 4 of each block, `bench train pair plain` continues" in shown["plain"]
    assert shown["wide"].endswith("not run")
    train_cell(tmp_path, cell)
    told = capsys.readouterr().err.splitlines()
    assert [line for line in told if "goes on" in line] == ["pair/plain seeds 0-1: goes on from step 1 of 4"]


def test_the_list_names_every_cell_with_its_state(trained: tuple[Path, Plan], capsys: pytest.CaptureFixture) -> None:
    root, _ = trained
    assert main(["--root", str(root), "list"]) == 0
    text = capsys.readouterr().out
    assert "pair: gaussians, 4 steps, 2 methods, 2 cells" in text
    assert text.count("up to date") == 2


def test_states(trained: tuple[Path, Plan], tmp_path: Path) -> None:
    source, plan = trained
    shutil.copytree(source, tmp_path, dirs_exist_ok=True)
    cell = plan.cell("pair", "wide")
    path = cell.folder(tmp_path) / "record.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"scoring_key": "other"}))
    reseal(path.parent)
    assert state(tmp_path, cell) == "stale: to score again"
    path.write_text(json.dumps(record | {"training_key": "other"}))
    reseal(path.parent)
    assert state(tmp_path, cell) == "stale: to train again"
    path.write_text("{")
    assert state(tmp_path, cell).startswith("unreadable")
    path.unlink()
    assert state(tmp_path, cell) == "not run"


def test_an_export_is_a_plain_state_dict_of_all_seeds_or_one(trained: tuple[Path, Plan], tmp_path: Path) -> None:
    root, plan = trained
    cell = plan.cell("pair", "plain")
    shapes = export(root, cell, tmp_path / "all.pt")
    export(root, cell, tmp_path / "one.pt", seed=3)
    whole, one = (torch.load(tmp_path / name, weights_only=True) for name in ("all.pt", "one.pt"))
    assert {name: tuple(value.shape) for name, value in whole.items()} == shapes
    assert all(shape[0] == 4 for shape in shapes.values())
    assert whole.keys() == one.keys()
    assert all(torch.equal(whole[name][3], one[name]) for name in one)
    assert (tmp_path / "one.pt").stat().st_size < (tmp_path / "all.pt").stat().st_size


def test_what_cannot_be_exported_is_said_in_one_line(trained: tuple[Path, Plan], tmp_path: Path) -> None:
    root, plan = trained
    cell = plan.cell("pair", "plain")
    with pytest.raises(BenchError, match="pair/plain has no seed 7; known: 0, 1, 2, 3"):
        export(root, cell, tmp_path / "x.pt", seed=7)
    prepare(tmp_path, plan, "pair")
    with pytest.raises(BenchError, match="no checkpoint of pair/plain .* run `bench train pair plain` first"):
        export(tmp_path, cell, tmp_path / "x.pt")
    assert not (tmp_path / "x.pt").exists()


def test_merge_brings_in_what_is_new_and_refuses_what_differs(trained: tuple[Path, Plan], tmp_path: Path) -> None:
    source, _ = trained
    new, here = merge(tmp_path, source)
    assert sorted(path.relative_to(tmp_path).as_posix() for path in new) == [
        "results/archive/laptop/pair/plain",
        "results/archive/laptop/pair/wide",
    ]
    assert not here
    shutil.rmtree(new[0])
    (new[1] / "provenance.json").write_text("{}")
    reseal(new[1])
    assert merge(tmp_path, source) == ([new[0]], [new[1]])
    shutil.rmtree(new[0])
    (new[1] / "scores.csv").write_text("other")
    reseal(new[1])
    with pytest.raises(BenchError, match="wide/scores.csv differs"):
        merge(tmp_path, source)
    assert not new[0].exists(), "nothing is brought in where something differs"


def test_merge_says_what_it_wants(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="name the folder of a copy"):
        merge(tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("family", "physics", "device", "expected"),
    [
        ("gaussians", None, "cpu", "bit-exact"),
        ("gaussians", None, "meta", "same-device exact"),
        ("locomotion", "mujoco", "cpu", "bit-exact"),
        ("locomotion", "warp", "cpu", "statistical"),
        ("maze", "free_flight", "cpu", "bit-exact"),
        ("maze", "warp", "cpu", "statistical"),
    ],
)
def test_the_tier_of_a_record(family: str, physics: str | None, device: str, expected: str) -> None:
    """P7: a simulator in single precision with an order of its own is never bit-exact."""
    block = {"family": family, "seeds": [0], "steps": 1} | ({"physics": physics} if physics else {})
    block |= {"locomotion": {"robot": "Reacher-v5"}, "maze": {"maze": "c"}}.get(family, {})
    module = registry.family(family)
    task = module.build("t", module.Params(**block), None)
    assert tier(task, torch.device(device)) == expected
