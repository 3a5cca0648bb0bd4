"""More seeds for a cell that has some: the record of all of them, to the bits of one run, live or archived."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import seal
from harness.cli import main
from harness.errors import BenchError
from harness.plan.further import further, grown
from harness.plan.plan import Plan, load_plan
from harness.plan.state import UP_TO_DATE, state
from harness.plan.tests.test_needs import PARAMS as CHAIN
from harness.report.records.pairs import pairs
from harness.run.record import to_json
from harness.schema import read_head, read_provenance, read_verified
from harness.store import ARTEFACTS, HEAD, PROVENANCE, RECORDS, SCORES, SEAL
from harness.workspace.copies import COPIED
from harness.workspace.merge import merge
from harness.workspace.pack import unpack
from harness.yaml_text import dump

LEARNT, FLIPPED = "learnt/airl", "flipped/airl"


def run(root: Path, command: str) -> None:
    assert main(["--root", str(root), *command.split()]) == 0


def written(root: Path, params: dict[str, Any] = CHAIN) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / "params.yaml").write_text(dump(params))
    for task in ("taught", "flipped"):
        run(root, f"prepare {task}")
    return root


def contents(root: Path, cell: str) -> dict[str, bytes]:
    """What must be the same to the bit: all but provenance, and the seal, which covers that."""
    folder = root / RECORDS / cell
    seal.check(folder)
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.name not in (PROVENANCE, SEAL)}


def plan_of(root: Path) -> Plan:
    return load_plan(root)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rewards of seeds 0 and 1, and policies of seeds 0 to 3 re-trained on them."""
    root = written(tmp_path_factory.mktemp("first"))
    run(root, "train")
    return root


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with two more of each, all trained in one go: where there is no record, nothing is joined."""
    root = written(tmp_path_factory.mktemp("at_once"))
    run(root, "train taught")
    run(root, "train --more-seeds 2")
    return root


@pytest.fixture(scope="module")
def more(first: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first with two more of each, on a machine where nothing but the records is left of the first."""
    root = tmp_path_factory.mktemp("more") / "tree"
    shutil.copytree(first, root, ignore=shutil.ignore_patterns(".scratch"))
    run(root, "train --more-seeds 2")
    return root


def test_seeds_added_later_have_the_bits_of_one_run(first: Path, more: Path, at_once: Path) -> None:
    for cell in (LEARNT, FLIPPED):
        assert contents(more, cell) == contents(at_once, cell) != contents(first, cell)
        assert {ARTEFACTS, HEAD, SCORES} <= contents(more, cell).keys()
    assert contents(more, "taught/expert") == contents(first, "taught/expert"), "an expert keeps its seeds"
    head = read_head(more / RECORDS / LEARNT)
    assert (head.seeds, head.blocks) == ((0, 1, 2, 3), ((0, 1), (2, 3))) and [*head.state_hashes] == [0, 1]
    assert head.params.task["seeds"] == [0, 1], "those that the parameters name"
    # Only what was lacking was trained: nothing of the first blocks is in the scratch folder.
    assert {path.name for path in (more / ".scratch/runs").glob("*/*")} == {"seeds-2-3", "seeds-4-5"}
    assert not list((more / ".scratch/parts").rglob("*.json"))


def test_seeds_that_the_parameters_name_make_the_same_numbers(more: Path, tmp_path: Path) -> None:
    params = copy.deepcopy(CHAIN)
    params["tasks"]["learnt"]["seeds"] = [0, 1, 2, 3]
    root = written(tmp_path, params)
    run(root, "train taught")
    run(root, "prepare learnt")
    run(root, "train learnt airl")
    named, joined = contents(root, LEARNT), contents(more, LEARNT)
    heads = [json.loads(files.pop(HEAD)) for files in (named, joined)]
    assert named == joined
    assert heads[0]["params"]["task"].pop("seeds") == [0, 1, 2, 3] != heads[1]["params"]["task"].pop("seeds")
    assert heads[0] == heads[1]


def test_re_trainings_take_the_same_rewards_however_many_there_are(more: Path) -> None:
    """Seeds 0 to 3 go round the two rewards that params.yaml names, 4 and 5 take those that were added."""
    (_, frame), *_ = pairs(more, "airl", "airl", "flipped")
    cell = frame.cells[0]
    assert (cell.rewards, cell.independent, cell.n) == (2, [0, 1, 0, 1, 2, 3], 4)
    plan = plan_of(more)
    assert [state(more, cell) for cell in plan.cells] == [UP_TO_DATE] * 3, "no reward that was added is another one"


def test_provenance_tells_each_block(first: Path, more: Path) -> None:
    one, both = (read_provenance(root / RECORDS / LEARNT) for root in (first, more))
    assert both.training_seconds.keys() == both.training_cpu_seconds.keys() == {0, 1}
    assert both.training_seconds[0] == one.training_seconds[0]
    assert both.scoring_seconds > one.scoring_seconds and both.earlier == {}, "made by the same code on one machine"


def test_a_second_time_there_is_nothing_to_do(more: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(more, LEARNT)
    run(more, "train learnt airl --seeds 2-3")
    assert "learnt/airl has seeds 2-3 already" in capsys.readouterr().out
    run(more, "train learnt airl")
    assert "up to date, with more seeds than the parameters name: 0-3" in capsys.readouterr().out
    assert contents(more, LEARNT) == before
    run(more, "list")
    assert "4 seeds, 2 of them named" in capsys.readouterr().out


def test_what_is_trained_again_keeps_its_seeds(more: Path, tmp_path: Path) -> None:
    root = tmp_path / "tree"
    shutil.copytree(more, root, ignore=shutil.ignore_patterns(".scratch"))
    shorter = copy.deepcopy(CHAIN)
    shorter["tasks"]["learnt"]["steps"] = 1
    written(root, shorter)
    cell = plan_of(root).cell("learnt", "airl")
    assert state(root, cell) == "stale: to train again" and grown(root, cell).seeds == (0, 1, 2, 3)
    asked = further(root, cell, (4,))
    assert asked is not None and asked.seeds == (0, 1, 2, 3, 4) and not asked.joins
    assert asked.blocks == [(0, 1), (2, 3), (4,)]


def test_a_re_training_waits_for_its_reward(first: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "tree"
    shutil.copytree(first, root)
    assert main(["--root", str(root), "train", "flipped", "airl", "--seeds", "4"]) == 2
    assert "seed 4 of flipped/airl takes learnt reward 2, learnt/airl has 2" in capfd.readouterr().err
    assert contents(root, FLIPPED) == contents(first, FLIPPED)


# An archived preset: its records are of an older commit, and lie in the tree that the private copy is made of.


def archived(first: Path, root: Path, hashes: str | None = None) -> tuple[Path, Path]:
    """(tree, private copy) with the records of `first` as those of an older code; hashes: of other states."""
    written(root)
    other = root / "older"
    shutil.copytree(first / RECORDS, other / RECORDS)
    for folder in (path.parent for path in other.glob(f"{RECORDS}/*/*/{HEAD}")):
        files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != SEAL}
        head = json.loads(files[HEAD]) | {"training_key": "0" * 16, "scoring_key": "1" * 16}
        if hashes and folder.parent.name == "learnt":
            head["state_hashes"]["0"]["1"] = hashes
        made = json.loads(files[PROVENANCE])
        made["environment"]["commit"] = "a" * 40
        seal.write(folder, files | {HEAD: to_json(head), PROVENANCE: to_json(made)})
    merge(root, other)
    copied = written(root / "build/test")
    (copied / COPIED).write_text("")
    unpack(root, "test", copied)
    return root, copied


def test_an_archived_record_gets_more_seeds_to_the_same_bits(first: Path, at_once: Path, tmp_path: Path) -> None:
    root, copied = archived(first, tmp_path)
    run(copied, "train --more-seeds 2")
    for cell in (LEARNT, FLIPPED):
        assert {**contents(copied, cell), "verified.json": b""} == {**contents(at_once, cell), "verified.json": b""}
        made = read_provenance(copied / RECORDS / cell)
        assert made.earlier[0].commit == "a" * 40 != made.environment.commit, "each block keeps its commit"
    new, old = merge(root, copied)
    assert [f"{path.parent.name}/{path.name}" for path in new] == [FLIPPED, LEARNT], "the expert was left alone"
    assert [path.name for path in old] == ["expert"]
    kept = root / "results/archive/test" / LEARNT
    assert read_head(kept).seeds == (0, 1, 2, 3) and read_verified(kept).agrees
    assert merge(root, copied)[0] == []
    (name, frame), *_ = pairs(root, "airl", "airl", "learnt", "test")
    assert name == "test" and frame.cells[0].n == 4 and frame.cells[0].commit.startswith("aaaaaaaaaa and ")
    assert unpack(root, "test", written(tmp_path / "again")) == 3


def test_seeds_of_code_that_makes_other_states_are_refused(first: Path, tmp_path: Path, capfd) -> None:
    _, copied = archived(first, tmp_path, hashes="f" * 16)
    assert main(["--root", str(copied), "train", "learnt", "airl", "--more-seeds", "2"]) == 2
    assert "learnt/airl: the present code makes other states than its record holds" in capfd.readouterr().err
    assert read_head(copied / RECORDS / LEARNT).seeds == (0, 1)
    run(copied, "train learnt airl --more-seeds 2 --across-code")
    head, made = read_head(copied / RECORDS / LEARNT), read_provenance(copied / RECORDS / LEARNT)
    assert head.seeds == (0, 1, 2, 3) and head.state_hashes[0][1] == "f" * 16 and made.earlier[0].commit == "a" * 40
    assert not read_verified(copied / RECORDS / LEARNT).agrees, "and the page says so"


def test_what_was_measured_otherwise_is_not_joined(first: Path, more: Path, tmp_path: Path) -> None:
    from harness.places.join import joined

    part = tmp_path / LEARNT
    shutil.copytree(more / RECORDS / LEARNT, part)
    with pytest.raises(BenchError, match="learnt/airl: both have seed 0"):
        joined(first / RECORDS / LEARNT, part)
    files = {path.name: path.read_bytes() for path in part.iterdir() if path.name != SEAL}
    for change, line in (
        (lambda head: head["manifests"].popitem(), "is differently measured by the present code"),
        (lambda head: head["metrics"].pop("return"), "is not measured by the present code"),
        (lambda head: head.update(data_hash="0"), "data_hash of the record and of the further seeds differ"),
        (lambda head: head["params"]["task"].update(horizon=7), "task.horizon of the record and of the further seeds"),
    ):
        head = json.loads(files[HEAD]) | {"seeds": [8, 9]}
        change(head)
        seal.write(part, files | {HEAD: to_json(head)})
        with pytest.raises(BenchError, match=line):
            joined(first / RECORDS / LEARNT, part)


def test_arrays_of_a_joined_record(more: Path) -> None:
    with np.load(more / RECORDS / LEARNT / ARTEFACTS) as arrays:
        assert {len(arrays[name]) for name in arrays.files} == {4}


def test_a_record_of_other_parameters_is_refused_before_anything_is_trained(first: Path, tmp_path: Path, capfd) -> None:
    _, copied = archived(first, tmp_path)
    longer = copy.deepcopy(CHAIN)
    longer["tasks"]["learnt"]["evaluations"] = 2
    written(copied, longer)
    assert main(["--root", str(copied), "train", "learnt", "airl", "--more-seeds", "2"]) == 2
    assert "learnt/airl: task.evaluations of its record is not what the parameters say" in capfd.readouterr().err
    assert not (copied / ".scratch/runs").exists()
