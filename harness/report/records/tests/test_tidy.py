"""The frames of `import harness`: every number of the records once, without torch."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import harness
from harness.errors import BenchError
from harness.plan.keys import code_key

ROOT = Path(__file__).resolve().parents[4]
LIVE, KEPT = "results/records/two_gaussians/i_c_1", "results/archive/fashion/vib_fashion/vib"


@pytest.fixture
def tree(tmp_path):
    """A live record and an archived one."""
    for name in (LIVE, KEPT):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / name).open(encoding="utf-8")))


def test_scores_hold_every_number_once(tree):
    found = harness.scores(tree)
    assert list(found) == ["task", "cell", "method", "seed", "step", "metric", "value", "preset", "manifest"]
    assert found.preset.value_counts().to_dict() == {
        "laptop": len(rows(tree / LIVE, "scores.csv")),
        "fashion": len(rows(tree / KEPT, "scores.csv")),
    }
    head = json.loads((tree / KEPT / "record.json").read_text(encoding="utf-8"))
    for row in rows(tree / KEPT, "scores.csv"):
        this = found.query(
            f"preset == 'fashion' and seed == {row['seed']} and step == {row['step']} and metric == '{row['metric']}'"
        )
        assert this.value.tolist() == [float(row["value"])]
        assert this.manifest.tolist() == [head["metrics"][row["metric"]]["manifest"] or ""]


def test_an_ablated_cell_names_the_method_that_it_changes(tree):
    name = "results/records/digits8/vgan-i_c-0.1"
    shutil.copytree(ROOT / name, tree / name)
    found = harness.scores(tree).query("task == 'digits8'")
    assert set(zip(found.cell, found.method)) == {("vgan-i_c-0.1", "vgan")}


def test_curves_hold_every_number_once(tree):
    found = harness.curves(tree)
    assert list(found) == ["task", "cell", "method", "seed", "step", "log", "value", "preset"]
    wide = rows(tree / LIVE, "curves.csv")
    own = found[found.preset == "laptop"]
    logs = set(wide[0]) - {"seed", "step"}
    assert len(own) == sum(row[log] != "" for row in wide for log in logs) and set(own.log) == logs
    first = wide[0]
    for log in logs:
        this = own.query(f"seed == {first['seed']} and step == {first['step']} and log == '{log}'")
        assert this.value.tolist() == [float(first[log])]


def test_no_record_is_one_line_with_the_cure(tmp_path):
    with pytest.raises(BenchError, match="has no records: name the project's folder"):
        harness.scores(tmp_path)


def test_frames_take_no_torch_and_the_package_imports_nothing():
    code = (
        "import sys, harness\n"
        "assert 'pandas' not in sys.modules\n"
        "harness.scores(), harness.curves()\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_no_cell_depends_on_the_package_file():
    assert not [name for name in code_key("gaussians", "critic")["files"] if name.endswith("__init__.py")]
