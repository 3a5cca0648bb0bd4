"""The page of explanations names whose settings each task has, and how often the tuned ones were tried."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

from harness.run.params import read_yaml

ROOT = Path(__file__).resolve().parents[2]


def test_every_task_says_whose_settings_it_has() -> None:
    text = (ROOT / "docs/explanations.md").read_text(encoding="utf-8").split("## Whose settings")[1].split("\n## ")[0]
    for task in read_yaml(ROOT / "params.yaml")["tasks"]:
        assert f"`{task}`" in text, task
    tuned = [path.stem for path in (ROOT / "results/tuning").glob("*.yaml")]
    assert [f"`{task}` | tuned, " in text for task in tuned] == [True] * len(tuned)


def test_tuned_methods_had_the_same_number_of_trials() -> None:
    words = {5: "five", 20: "twenty"}
    for path in (ROOT / "results/tuning").glob("*.yaml"):
        said = read_yaml(path)
        with path.with_suffix(".csv").open(encoding="utf-8", newline="") as file:
            rows = Counter(row["method"] for row in csv.DictReader(file))
        assert set(rows.values()) == {said["trials"] * len(said["seeds"])}
        assert f"tuned, {words[said['trials']]} trials" in (ROOT / "docs/explanations.md").read_text(encoding="utf-8")
