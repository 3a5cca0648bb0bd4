"""A family of one's own is one file: with a method that names it, it is trained, scored, checked and on the page."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.registry import ROOT
from harness.tests.small import CRITIC, PARAMS
from harness.yaml_text import dump, load

RING = '''\
"""A ring of Gaussians

Eight Gaussians on a circle, told apart from one in its middle.

Everything else that the harness knows of this family stands below.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch

from harness.contracts import CriticOutputs, Score, Task, TaskSpec
from harness.run.params import TaskParams, digest

metrics = ()
writes = ("panels",)


class Params(TaskParams):
    family: Literal["ring"]
    modes: int = 8


class Ring(Task):
    family = "ring"
    metrics, writes, outputs = metrics, writes, CriticOutputs

    def __init__(self, name, params):
        self.name, self.params = name, params
        self.spec = TaskSpec(self.family, (2,), params.steps)
        self.data_hash = digest(["ring", params.modes])

    def source(self, device):
        return self

    def batch(self, draws, size, name="batch"):
        angle = 2 * math.pi / self.params.modes * draws.integers("data", f"{name}/mode", (size,), self.params.modes)
        real, fake = (0.1 * draws.normal("data", f"{name}/{side}", (size, 2)) for side in ("real", "fake"))
        return {"real": real + torch.stack([angle.cos(), angle.sin()], -1), "fake": fake}

    def probe(self, outputs, draws):
        return outputs.scores(torch.eye(2)).detach()

    def compute(self, evaluation):
        margin = self._along(evaluation)[:, -1] - self._along(evaluation)[:, 0]
        label = "logit on the ring above that in its middle"
        return {"margin": Score(margin, True, 0.0, label, True, {"data": self.data_hash})}

    def panels(self, evaluation):
        return [("logit along a radius", np.linspace(0, 1, 5), self._along(evaluation))]

    def _along(self, evaluation):
        """[S, 5]: logits from the middle to the ring."""
        x = torch.linspace(0, 1, 5)[:, None] * torch.tensor([[1.0, 0.0]])
        return evaluation.outputs.scores(x).detach().double().numpy()

    def facts(self):
        return {"modes": self.params.modes}


def build(name, params, scratch):
    return Ring(name, params)
'''


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project's code with the family's file, one line of a method, and a plan of one task."""
    tree = tmp_path_factory.mktemp("ring")
    for part in ("harness", "baselines"):
        shutil.copytree(ROOT / part, tree / part, ignore=shutil.ignore_patterns("tests", "__pycache__"))
    (tree / "harness/tasks/ring.py").write_text(RING)
    method = tree / "baselines/methods/critic.py"
    method.write_text(method.read_text().replace('FAMILIES = ("gaussians",)', 'FAMILIES = ("gaussians", "ring")'))
    task = PARAMS["tasks"]["pair"] | {"family": "ring", "steps": 40}
    methods = {"plain": CRITIC, "wide": CRITIC | {"batch": 64}}
    params = PARAMS | {"tasks": {"circle": task}, "methods": {"circle": methods}}
    (tree / "params.yaml").write_text(dump(params | {"report": {"baseline": {"circle": "plain"}}}))
    for name in ("published.csv", "claims.yaml"):
        (tree / "results").mkdir(exist_ok=True)
        shutil.copy(ROOT / "results" / name, tree / "results" / name)
    commands = ["pipelines", "keys", "prepare", "train", "check", "check plain", "evaluate", "report"]
    code = f"from harness.cli import main\nfor line in {commands}:\n    assert main(line.split()) in (0, None), line\n"
    environment = os.environ | {"PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "OK: plain, cells: 1" in done.stdout
    return tree


def test_it_is_trained_and_scored_by_its_own_measure(tree: Path) -> None:
    for cell in ("plain", "wide"):
        record = json.loads((tree / f"results/records/circle/{cell}/record.json").read_text())
        assert record["family"] == "ring" and set(record["metrics"]) == {"margin"}
        assert set(record["status"].values()) == {"finished"}
    assert json.loads((tree / "results/data/circle.json").read_text())["modes"] == 8


def test_it_has_its_stage_and_its_keys(tree: Path) -> None:
    stage = load(tree / "pipelines/circle/dvc.yaml")["stages"]["train"]["do"]
    assert "results/keys/circle/${key}.json" in stage["deps"]
    files = {path.rsplit("/", 1)[1] for plot in stage["plots"] for path in plot}
    assert files == {"record.json", "scores.csv", "curves.csv", "panels.csv"}
    code = json.loads((tree / "results/keys/circle/plain.json").read_text())["code"]
    assert {"harness/tasks/ring.py", "baselines/methods/critic.py"} <= code["files"].keys()
    assert not any(name.startswith("harness/metrics/boundary") for name in code["files"])


def test_it_has_its_section_of_the_page(tree: Path) -> None:
    page = (tree / "reports/laptop/index.html").read_text()
    section = page[page.index('id="family-ring"') :]
    assert "A ring of Gaussians" in section and "Eight Gaussians on a circle" in section
    assert "Everything else" not in section
    task = "".join(path.read_text() for path in (tree / "reports/laptop/tasks").iterdir())
    assert "logit on the ring above that in its middle" in task and "logit along a radius" in task
