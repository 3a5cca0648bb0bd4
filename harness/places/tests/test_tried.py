"""`bench try`: step for step the whole run of the same seeds, in the scratch folder alone."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import pytest

from baselines.methods.critic import FixedAdversary
from harness.cli import main
from harness.places.prepare import prepare
from harness.places.train import train_cell
from harness.registry import ROOT
from harness.report.records.aggregate import summarise
from harness.report.records.tried import pair
from harness.tests import small
from harness.tests.recorded import reseal


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both methods trained whole: 4 steps, logged and scored at 2 and 4."""
    root = tmp_path_factory.mktemp("tried")
    plan = small.write(root)
    prepare(root, plan, "pair")
    for cell in plan.cells:
        train_cell(root, cell)
    return root


def rows(path: Path, seeds: str, step: str) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["seed"] in seeds and row["step"] == step]


def tracked(root: Path) -> dict[Path, bytes]:
    return {p: p.read_bytes() for p in root.rglob("*") if p.is_file() and ".scratch" not in p.parts}


def test_a_trial_is_the_beginning_of_the_whole_run_and_changes_no_record(
    root: Path, capsys: pytest.CaptureFixture
) -> None:
    before = tracked(root)
    assert main(["--root", str(root), "try", "wide", "--seeds", "0", "1"]) == 0
    assert tracked(root) == before
    mine, whole = root / ".scratch/tried/pair/wide", root / "results/records/pair/wide"
    for name in ("scores.csv", "curves.csv"):
        assert rows(mine / name, "01", "2") == rows(whole / name, "01", "2") != []
        assert rows(mine / name, "0123", "4") == rows(mine / name, "23", "2") == []
    out = capsys.readouterr().out
    live = [line.split() for line in out.splitlines() if line.strip().startswith("2/2")]
    plain = rows(root / "results/records/pair/plain/curves.csv", "01", "2")
    mean = sum(float(row["loss_critic"]) for row in plain) / 2
    assert len(live) == 1 and float(live[0][3].strip("()")) == pytest.approx(mean, rel=1e-3)
    table = out[out.index("pair: wide, tried") :].splitlines()
    assert [line.split()[0] for line in table[2:4]] == ["wide", "plain"]


def test_records_of_another_processor_are_told(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """Rounding differs there, so that even an equal method is not equal."""
    shutil.copytree(root, tmp_path / "copy")
    run = ["--root", str(tmp_path / "copy"), "try", "wide", "--seeds", "0", "1"]
    assert main(run) == 0 and "were made on" not in capsys.readouterr().out
    folder = tmp_path / "copy/results/records/pair/plain"
    said = json.loads((folder / "provenance.json").read_text())
    said["environment"]["device"] = "a slide rule"
    (folder / "provenance.json").write_text(json.dumps(said))
    reseal(folder)
    assert main(run) == 0
    assert "Committed runs were made on a slide rule, this one was not" in capsys.readouterr().out


def test_a_trial_is_compared_at_the_same_step(root: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["--root", str(root), "try", "wide", "--seeds", "0", "1", "2"]) == 0
    capsys.readouterr()
    assert main(["--root", str(root), "compare", "wide", "plain", "--tried"]) == 0
    out = capsys.readouterr().out
    assert "pair: wide against plain" in out and "Paired over 3 seeds 0-2" in out
    (frame,) = pair(root, "wide", "plain")
    kept = rows(root / "results/records/pair/plain/scores.csv", "012", "2")
    theirs = [float(row["value"]) for row in kept if row["metric"] == frame.headline]
    assert frame.cells[1].endpoint(frame.headline).tolist() == theirs


def test_a_score_of_the_end_alone_is_left_out(tmp_path: Path) -> None:
    """As the limit of a distance, which the whole run has at its last step and a trial has not to share."""
    kept, mine = (tmp_path / name for name in ("results/records/digits8/vgan", ".scratch/tried/digits8/mine"))
    source = ROOT / "results/records/digits8/vgan"
    kept.mkdir(parents=True), mine.mkdir(parents=True)
    head = json.loads((source / "record.json").read_text(encoding="utf-8"))
    ends = [name for name in head["metrics"] if name.startswith("frechet_inf")]
    lines = (source / "scores.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    first = [line for line in lines[1:] if line.split(",")[3] == "500" and line.split(",")[2] in "01"]
    rows = lines[0] + "".join(first).replace(",vgan,", ",mine,")
    (mine / "scores.csv").write_text(rows, encoding="utf-8")
    (kept / "scores.csv").write_text("".join(lines), encoding="utf-8")
    status = {seed: head["status"][seed] for seed in "01"}
    own = head | {"cell": "mine", "method": "mine", "seeds": [0, 1], "blocks": [[0, 1]], "steps": 500, "status": status}
    own["metrics"] = {name: block for name, block in head["metrics"].items() if name not in ends}
    (mine / "record.json").write_text(json.dumps(own), encoding="utf-8")
    (kept / "record.json").write_text(json.dumps(head), encoding="utf-8")
    reseal(mine), reseal(kept)
    (frame,) = pair(tmp_path, "mine", "vgan")
    assert ends and not set(ends) & frame.metrics.keys() and frame.headline == "frechet_digits-cnn"
    assert set(summarise(frame).metric) == set(frame.metrics)


@pytest.mark.parametrize(
    "arguments, line",
    [
        (["try", "wide", "--steps", "5"], "--steps must be at most the 4 steps of pair, got 5"),
        (["try", "wide", "--seeds", "1", "1"], "seeds must be distinct integers"),
        (["try", "wdie"], "did you mean wide?"),
        (["compare", "plain", "wide", "--tried"], "trial of plain: unknown; known: .*; `bench try plain` makes one"),
        (["compare", "wide", "plain", "--tried", "--preset", "x"], "--tried reads the scratch folder"),
    ],
)
def test_refused_in_one_line(arguments: list[str], line: str, root: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["--root", str(root), *arguments]) == 2
    err = capsys.readouterr().err
    assert re.search(line, err) and err.count("\n") == 1


def test_two_trials_without_a_record_are_compared(root: Path, capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    """As on a new task: at the last step of both, whichever has more steps."""
    shutil.copytree(root, tmp_path, dirs_exist_ok=True)
    shutil.rmtree(tmp_path / "results/records")
    for method, steps in (("wide", "4"), ("plain", "2")):
        assert main(["--root", str(tmp_path), "try", method, "--steps", steps]) == 0
    for a, b in (("wide", "plain"), ("plain", "wide")):
        capsys.readouterr()
        assert main(["--root", str(tmp_path), "compare", a, b, "--tried"]) == 0
        assert f"pair: {a} against {b}" in capsys.readouterr().out
    assert main(["--root", str(tmp_path), "compare", "wide", "plain"]) == 2
    assert "wide has a trial but no record" in capsys.readouterr().err
    assert main(["--root", str(tmp_path), "try", "plain", "--steps", "3"]) == 0
    assert main(["--root", str(tmp_path), "try", "wide", "--steps", "2"]) == 0
    assert main(["--root", str(tmp_path), "compare", "wide", "plain", "--tried"]) == 2
    assert "(seeds 0-1, steps 2) and plain (seeds 0-1, steps 3)" in capsys.readouterr().err


def test_no_common_scored_step_is_told(root: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["--root", str(root), "try", "wide", "--steps", "3"]) == 0
    assert (
        "The others were not scored at step 3; for a step at which they were, use --steps 2." in capsys.readouterr().out
    )
    assert main(["--root", str(root), "compare", "wide", "plain", "--tried"]) == 2
    assert (
        "there is no step at which both were scored, wide (seeds 0-1, steps 3) and plain (seeds 0-3, steps 2, 4)"
        in (capsys.readouterr().err)
    )


def test_a_fault_of_a_method_names_the_check_that_explains_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FixedAdversary, "update", lambda *args: args.missing)
    with pytest.raises(AttributeError) as raised:
        main(["--root", str(root), "try", "wide", "--seeds", "0"])
    assert raised.value.__notes__ == ["`bench check wide pair` tells which promise the method breaks, if it does"]
