"""From a plan to trained cells and what is done with them: pool, list, export, merge."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from harness import registry
from harness.cli import main
from harness.errors import BenchError
from harness.places.pool import LOG, train_all
from harness.places.prepare import prepare
from harness.places.score import tier
from harness.places.train import train_cell
from harness.plan.plan import Plan
from harness.plan.state import state
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
    with pytest.raises(BenchError, match="1 jobs failed .*, the first was pair/wide scores: cannot write"):
        train_all(tmp_path, plan.cells, plan, workers=2)
    out = capfd.readouterr()
    assert len(out.out.splitlines()) == 6
    assert "[6/6]" in out.out
    assert out.err == "", "the workers' own lines belong in the log"
    assert "pair/plain" in (tmp_path / LOG).read_text()
    for name in ("record.json", "scores.csv", "curves.csv"):
        place = plan.cell("pair", "plain").folder(Path()) / name
        assert (tmp_path / place).read_bytes() == (alone / place).read_bytes()


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
    with pytest.raises(BenchError, match="give the folder of a copy"):
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
