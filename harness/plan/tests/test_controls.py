"""Rows of control come by themselves where an episode's length tells of the policy, as cells and as DVC's stages."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from dvc.repo import Repo

from harness.contracts import BenchError
from harness.plan.controls import controls
from harness.plan.pipelines import write_pipelines
from harness.plan.plan import load_plan
from harness.workspace.presets import compose_preset

ROOT = Path(__file__).resolve().parents[3]
ROWS = {"control_plus", "control_minus", "control_blind"}


@pytest.fixture
def params():
    return compose_preset(ROOT, "smoke")


def cells(params, folder, task):
    (folder / "params.yaml").write_text(json.dumps(params))  # JSON is YAML
    return {cell.name: cell for cell in load_plan(folder).cells if cell.task == task}


def test_they_stand_beside_imitation_where_episodes_may_end(params, tmp_path: Path) -> None:
    found = cells(params, tmp_path, "pendulum_falls")
    assert found.keys() >= ROWS and found["control_plus"].algorithm == "constant_reward"
    assert found["control_blind"].seeds == found["gail"].seeds
    assert found["control_minus"].method_params.learner == found["gail"].method_params.learner
    assert not ROWS & cells(params, tmp_path, "pendulum").keys(), "episodes of one length"
    assert not ROWS & cells(params, tmp_path, "pendulum_expert").keys(), "nothing is imitated"


def test_dvc_has_a_stage_for_each(params, tmp_path: Path) -> None:
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
    found = cells(params, tmp_path, "pendulum_falls")
    write_pipelines(tmp_path, params)
    stages = {" ".join(shlex.split(stage.cmd)): stage for stage in Repo(str(tmp_path)).index.stages}
    for name in found:
        stage = stages[f"bench train pendulum_falls {name}"]
        assert f"results/keys/pendulum_falls/{name}.json" in {d.def_path for d in stage.deps}
    assert controls(params, "pendulum_falls")[0] == "gail"


def test_a_row_of_that_name_is_refused(params, tmp_path: Path) -> None:
    methods = params["methods"]["pendulum_falls"]
    methods["control_plus"] = methods["gail"]
    with pytest.raises(
        BenchError, match="methods.pendulum_falls.control_plus: the task adds a control row of that name"
    ):
        cells(params, tmp_path, "pendulum_falls")
