"""What we learnt: every number of the page is that of the records, and the page stays short."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from scipy import stats

from harness.plan.params import read_params
from harness.report.page import learnt
from harness.report.page.read import Preset, judged
from harness.report.records.frame import load
from harness.report.records.studies import changes
from harness.report.records.twins import effects, twins
from harness.report.tables.formats import to_text
from harness.workspace.presets import other_presets

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="module")
def presets() -> list[Preset]:
    """The live preset and every archived one, without summaries."""
    own = read_params(ROOT)
    archived = other_presets(ROOT, own["preset"]).archived
    return [
        Preset(own, load(ROOT, own), {}),
        *(Preset(params, load(ROOT, params, other=True), {}) for params in archived),
    ]


def test_the_page_counts_what_the_records_hold_in_at_most_600_words(presets: list[Preset]) -> None:
    frames = [frame for preset in presets for frame in preset.frames.values()]
    found, few = effects(frames)
    claims = judged(ROOT, presets, ())
    (page,) = learnt.section(found, few, [preset.frames for preset in presets], claims)
    tables = ["\n".join(to_text(part.tables[0])) for part in page.parts]
    text = " ".join(f"{part.title} {part.intro} {table}" for part, table in zip(page.parts, tables, strict=True))
    assert 200 < sum(any(map(str.isalnum, word)) for word in text.split()) <= learnt.MOST_WORDS
    tally = {word: sum(effect.word == word for effect in found) for word in learnt.WORDS}
    said = (
        "in {n} pairs of methods, on shared seeds: it is better in {better} and worse in {worse}, and {open} stay open."
    )
    assert said.format(n=len(found), **tally) in text
    assert few and all(effect.n in (3, 4) for effect in few) and all(effect.n >= 5 for effect in found)
    better = sum(effect.low > 0 for effect in few)
    assert f"{len(few)} more of three or four runs: {better} better" in text
    assert len(page.parts) == 3 and "was run under the published protocol" in text
    for place, word in enumerate(learnt.WORDS, 1):  # every comparison is counted under one kind of task
        assert sum(row[place].value for row in page.parts[0].tables[0].rows) == tally[word]


def test_a_twin_has_the_same_learning_rate_and_the_same_way_of_learning_its_reward(presets: list[Preset]) -> None:
    studies = next(preset for preset in presets if preset.name == "c_maze_studies").frames
    flipped = {a.name: b.name for a, b in twins(studies["c_maze_flipped"], studies["c_maze"])}
    assert {a.name: b.name for a, b in twins(studies["c_maze"])}["vairl_fast"] == flipped["vairl_fast"] == "airl_fast"
    assert flipped["vairl_no_replay"] == "airl_no_replay" and flipped["vairl_gamma"] == "airl_gamma"
    pairs = {(e.frame.name, e.having.name): e.without.name for e in effects(studies.values())[0]}
    assert pairs["c_maze_flipped", "vairl_no_replay"] == "airl_no_replay"


def test_a_study_is_the_paired_difference_of_rows_that_differ_in_one_setting(presets: list[Preset]) -> None:
    studies = next(preset for preset in presets if preset.name == "c_maze_studies").frames
    made = {(one.frame.name, one.row.name): one for one in changes(studies)}
    keys = {row: one.key for (task, row), one in made.items() if task == "c_maze_flipped"}
    assert keys["airl_gamma"] == keys["vairl_gamma"] == "discriminator.gamma"
    assert keys["vairl_dual"] == "discriminator.bottleneck.dual_step"
    one = made["c_maze_flipped", "vairl_fast"]
    assert one.base.name == "vairl" and one.key == "discriminator.critic_optimizer.lr"
    folder = ROOT / "results/archive/c_maze_studies/c_maze_flipped"
    ends = []
    for name in ("vairl_fast", "vairl"):
        rows = pd.read_csv(folder / name / "scores.csv")
        ends.append(rows[(rows.metric == "return") & (rows.step == rows.step.max())].set_index("seed").value)
    test = stats.ttest_rel(*ends)
    assert one.difference == pytest.approx((ends[0] - ends[1]).mean())
    assert (one.low, one.high) == pytest.approx(tuple(test.confidence_interval(0.95)))
    assert one.word == ("open" if one.low < 0 < one.high else "better" if one.low > 0 else "worse")


def test_without_a_comparison_there_is_no_page() -> None:
    assert learnt.section([], [], [], []) == []
