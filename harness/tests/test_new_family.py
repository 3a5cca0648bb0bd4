"""A family of one's own is one file, copied from the template: it is trained, scored, checked and on the page."""

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


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project's code with the template as the family `ring`, and a plan of one task besides."""
    tree = tmp_path_factory.mktemp("ring")
    for part in ("harness", "baselines"):
        shutil.copytree(ROOT / part, tree / part, ignore=shutil.ignore_patterns("tests", "__pycache__"))
    bottleneck = {"size": 2, "beta": 0.1, "kl_reduce": "per_sample"}
    methods = {"plain": CRITIC, "bound": CRITIC | {"bottleneck": bottleneck}}
    (tree / "params.yaml").write_text(dump(PARAMS | {"methods": {"pair": methods}}))
    for name in ("published.csv", "claims.yaml"):
        (tree / "results").mkdir(exist_ok=True)
        shutil.copy(ROOT / "results" / name, tree / "results" / name)
    run(tree, ["new-task ring --file"])
    text = (tree / "params.yaml").read_text()
    assert text.count("steps: 1000") == 1
    (tree / "params.yaml").write_text(text.replace("steps: 1000", "steps: 40").replace("[0, 1, 2, 3, 4]", "[0, 1]"))
    commands = ["keys", "prepare ring", "train ring", "check", "check plain ring", "evaluate", "report"]
    assert "OK: plain, cells: 1" in run(tree, commands)
    return tree


def run(tree: Path, commands: list[str]) -> str:
    code = f"from harness.cli import main\nfor line in {commands}:\n    assert main(line.split()) in (0, None), line\n"
    environment = os.environ | {"PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def test_it_is_trained_and_scored_by_its_own_measure(tree: Path) -> None:
    for cell in ("plain", "bound"):
        record = json.loads((tree / f"results/records/ring/{cell}/record.json").read_text())
        assert record["family"] == "ring" and set(record["metrics"]) == {"margin"}
        assert set(record["status"].values()) == {"finished"}
    assert json.loads((tree / "results/data/ring.json").read_text())["modes"] == 8


def test_it_has_its_stage_and_its_keys(tree: Path) -> None:
    stage = load(tree / "pipelines/ring/dvc.yaml")["stages"]["train"]["do"]
    assert "results/keys/ring/${item}.json" in stage["deps"]
    files = {path.rsplit("/", 1)[1] for plot in stage["plots"] for path in plot}
    assert files == {"record.json", "scores.csv", "curves.csv", "panels.csv"}
    code = json.loads((tree / "results/keys/ring/plain.json").read_text())["code"]
    assert {"harness/tasks/ring.py", "baselines/methods/critic.py"} <= code["files"].keys()
    assert not any(name.startswith("harness/metrics/boundary") for name in code["files"])


def test_it_has_its_section_of_the_page(tree: Path) -> None:
    page = (tree / "reports/laptop/index.html").read_text()
    section = page[page.index('id="family-ring"') :]
    assert "A ring of Gaussians" in section and "Gaussians on a circle" in section
    assert "bench new-task" not in section
    task = "".join(path.read_text() for path in (tree / "reports/laptop/tasks").iterdir())
    assert "logit on the ring above that in its middle" in task and "logit along a radius" in task
