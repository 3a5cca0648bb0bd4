"""Parts of a record, one of each block, make the record of the cell scored whole, and no snapshot fills the disk."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import BenchError
from harness.places import parts
from harness.places.errand import There, block
from harness.places.joined import NODE, devices, tier, write_cell
from harness.places.parts import make_part
from harness.places.prepare import prepare
from harness.places.pulse import Pulse
from harness.places.train import ENVIRONMENTS, train_cell
from harness.plan.identity import Keys, block_folder, keys_of
from harness.plan.plan import Cell, load_plan
from harness.plan.tests.test_needs import PARAMS, write
from harness.run.signals import Stopped
from harness.tests import small

CODE = {"commit": "0" * 40, "dirty": False}


def gaussians(root: Path, steps: int = 40) -> Cell:
    params = copy.deepcopy(small.PARAMS)
    params["tasks"]["pair"] |= {"steps": steps, "evaluations": 4, "log_points": 4, "seeds": [0, 1, 2], "block": 2}
    write(root, params)
    plan = load_plan(root)
    prepare(root, plan, "pair")
    return plan.cell("pair", "plain")


def expert(root: Path) -> Cell:
    """One with artefacts, of which the demonstrations of the first block alone are kept."""
    params = copy.deepcopy(PARAMS)
    params["tasks"] = {"taught": params["tasks"]["taught"] | {"seeds": [0, 1, 2], "steps": 4, "evaluations": 2}}
    params["methods"] = {"taught": params["methods"]["taught"]}
    plan = write(root, params)
    prepare(root, plan, "taught")
    return plan.cell("taught", "expert")


def parts_of(root: Path, cell: Cell) -> list:
    keys = keys_of(root, cell)
    return [make_part(root, cell, i, keys, Pulse()) for i in range(len(cell.blocks))]


def files(root: Path, cell: Cell) -> dict[str, bytes]:
    told = {"provenance.json", "SHA256SUMS", ENVIRONMENTS}
    return {path.name: path.read_bytes() for path in cell.folder(root).iterdir() if path.name not in told}


@pytest.mark.parametrize("make", [gaussians, expert])
def test_parts_make_the_record_that_the_whole_cell_makes(tmp_path: Path, make) -> None:
    whole, apart = tmp_path / "whole", tmp_path / "apart"
    for root in (whole, apart):
        root.mkdir()
        cell = make(root)
    train_cell(whole, cell)
    write_cell(apart, cell, parts_of(apart, cell), CODE)
    assert files(apart, cell) == files(whole, cell) and len(files(whole, cell)) >= 3
    folder = block_folder(apart, cell, cell.blocks[0])
    last = cell.task_params.steps
    assert [path.name for path in folder.glob("snapshot-*")] == [f"snapshot-{last}.pt"], "the others were dropped"
    told = json.loads((cell.folder(apart) / ENVIRONMENTS).read_text())
    assert told.keys() == {"0", "1"} and told["1"]["commit"] == CODE["commit"]
    train_cell(apart, cell)
    assert files(apart, cell) == files(whole, cell), "trained again, as snapshots are missing"
    assert not (cell.folder(apart) / ENVIRONMENTS).exists(), "it is of another record"


def test_a_block_that_was_stopped_goes_on_and_scores_no_step_twice(tmp_path: Path, monkeypatch) -> None:
    whole, apart = tmp_path / "whole", tmp_path / "apart"
    whole.mkdir(), apart.mkdir()
    cell = gaussians(whole)
    train_cell(whole, cell)
    gaussians(apart)
    pulse, keys, scored = Pulse(), keys_of(apart, cell), []
    with pytest.raises(Stopped):
        make_part(apart, cell, 0, keys, pulse, lambda: pulse.step >= 24)
    assert 24 <= pulse.step < 28
    folder = block_folder(apart, cell, cell.blocks[0])
    assert sorted(path.name for path in folder.glob("scores-*.pt")) == ["scores-10.pt", "scores-20.pt"]
    evaluated = parts.Block.evaluated
    monkeypatch.setattr(
        parts.Block,
        "evaluated",
        lambda self, step, endpoint=False: scored.append(step) or evaluated(self, step, endpoint),
    )
    write_cell(apart, cell, [make_part(apart, cell, i, keys, Pulse()) for i in (0, 1)], CODE)
    assert scored == [30, 40, 10, 20, 30, 40]
    assert files(apart, cell) == files(whole, cell)


@pytest.mark.parametrize("name", Keys._fields)
def test_another_key_is_refused_before_a_step_is_made(name: str, tmp_path: Path) -> None:
    cell = gaussians(tmp_path)
    keys = keys_of(tmp_path, cell)._replace(**{name: "other"})
    with pytest.raises(BenchError, match=f"the {name} key of pair/plain is .* here, not other: other code or prepared"):
        make_part(tmp_path, cell, 0, keys, Pulse())
    assert not (tmp_path / ".scratch/runs").exists()


def test_what_comes_back_under_another_key_is_a_fault(tmp_path: Path) -> None:
    cell = gaussians(tmp_path, steps=4)
    errand = block(tmp_path, cell, 1)
    part = errand.do(There("there", tmp_path, Pulse(), lambda: False))
    assert errand.fault(part) is None and part.provenance["environment"][NODE] == "there"
    for name in Keys._fields:
        other = replace(errand, keys=errand.keys._replace(**{name: "other"}))
        assert other.fault(part) == "what came back was made with other code or data: run the same command again"


def test_blocks_of_several_kinds_of_processor_are_not_bit_exact(tmp_path: Path) -> None:
    cell = gaussians(tmp_path, steps=4)
    first, second = parts_of(tmp_path, cell)
    second.provenance["environment"]["device"] = "another processor"
    own = first.provenance["environment"]["device"]
    said = write_cell(tmp_path, cell, [first, second], CODE)
    assert said == f"ran on {own} (block 0); another processor (block 1): equal bits on the same devices alone"
    record = json.loads((cell.folder(tmp_path) / "record.json").read_text())
    provenance = json.loads((cell.folder(tmp_path) / "provenance.json").read_text())
    assert record["tier"] == "same-device exact"
    assert provenance["environment"]["device"] == f"{own} (block 0); another processor (block 1)"
    assert tier(["bit-exact", "bit-exact"], {"a"}) == "bit-exact"
    assert tier(["bit-exact", "statistical"], {"a"}) == "statistical"
    assert devices({"0": {"device": "a"}, "1": {"device": "b"}, "2": {"device": "a"}}) == "a (blocks 0, 2); b (block 1)"
