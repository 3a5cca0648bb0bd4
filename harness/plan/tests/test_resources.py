"""What a block takes of a machine is checked with the other parameters, and no key and no identity follows from it."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from harness.errors import BenchError
from harness.plan.keys import key_files
from harness.plan.pipelines import pipeline
from harness.plan.plan import Plan, load_plan
from harness.plan.resources import Resources
from harness.tests import small
from harness.workspace.presets import compose_preset
from harness.yaml_text import dump


def plan(root: Path, resources: object) -> Plan:
    (root / "params.yaml").write_text(dump(small.PARAMS | {"resources": resources}), encoding="utf-8")
    return load_plan(root)


def test_a_block_takes_what_is_said_or_its_threads(tmp_path: Path) -> None:
    made = plan(tmp_path, {"pair": {"gpus": 0.25, "memory": 2}})
    assert made.takes(made.cells[0]) == Resources(cpus=1, gpus=0.25, memory=2)
    made = plan(tmp_path, {})
    threads = made.cells[0].task_params.model_copy(update={"threads": 3})
    cell = type(made.cells[0])(**{**vars(made.cells[0]), "task_params": threads})
    assert made.takes(cell) == Resources(cpus=3)


@pytest.mark.parametrize(
    "resources, line",
    [
        ({"pear": {"cpus": 1}}, r"resources\.pear: unknown key; did you mean pair\?"),
        ({"pair": {"cpu": 1}}, r"resources\.pair\.cpu: unknown key; did you mean cpus\?"),
        ({"pair": {"gpus": 1.5}}, r"resources\.pair\.gpus = 1\.5: must be a share of one GPU, at most 1, or a whole"),
        ({"pair": {"cpus": 0}}, r"resources\.pair\.cpus = 0: must be greater than 0"),
        ({"pair": {"memory": "much"}}, r"resources\.pair\.memory = 'much': must be a valid number"),
    ],
)
def test_what_no_machine_can_give_is_named(resources: object, line: str, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=line):
        plan(tmp_path, resources)


def test_no_key_and_no_stage_follows_from_them(tmp_path: Path) -> None:
    with_them = small.PARAMS | {"resources": {"pair": {"gpus": 1}}}
    assert key_files(with_them) == key_files(small.PARAMS)
    assert pipeline("pair", with_them) == pipeline("pair", small.PARAMS)


def test_a_preset_adds_its_own_and_drops_those_of_tasks_that_it_drops(tmp_path: Path) -> None:
    base = copy.deepcopy(small.PARAMS)
    base["tasks"]["other"] = base["tasks"]["pair"]
    base["methods"]["other"] = {"plain": small.CRITIC}
    base["resources"] = {"pair": {"cpus": 2}, "other": {"cpus": 3}}
    (tmp_path / "params.yaml").write_text(dump(base), encoding="utf-8")
    (tmp_path / "presets").mkdir()
    for name, text in (("less", "tasks: {other: null}\n"), ("more", "resources: {pair: {gpus: 1}}\n")):
        (tmp_path / f"presets/{name}.yaml").write_text(text, encoding="utf-8")
    assert compose_preset(tmp_path, "less")["resources"] == {"pair": {"cpus": 2}}
    assert compose_preset(tmp_path, "more")["resources"] == {"pair": {"gpus": 1}, "other": {"cpus": 3}}
