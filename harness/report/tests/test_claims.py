"""Claims: each verdict on intervals of known place, units that share a reward, and the project's own list."""

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from harness.commands.plan import load_plan
from harness.commands.presets import compose_preset
from harness.errors import BenchError
from harness.report import claims
from harness.report.frame import Cell

ROOT = Path(__file__).resolve().parents[3]
CLAIM = claims.Claim(1, "a beats b", "2 against 1", "there", "far", "t", "return", "a", ["b"], True, 0.0)


@pytest.mark.parametrize(
    ("low", "high", "margin", "word"),
    [
        (0.1, 2.0, 0.0, "reproduced"), (-0.1, 2.0, 0.0, "inconclusive"), (-2.0, -0.1, 0.0, "not reproduced"),
        (-0.1, 2.0, 0.5, "reproduced"), (-1.0, -0.1, 0.5, "inconclusive"), (-2.0, -0.6, 0.5, "not reproduced"),
        (float("nan"), float("nan"), 0.0, "inconclusive"),
    ],
)  # fmt: skip
def test_verdict_of_an_interval(low, high, margin, word):
    assert claims.verdict(low, high, margin) == word


def test_one_pair_against_is_enough_and_all_must_hold():
    assert claims.together(["reproduced", "reproduced"]) == "reproduced"
    assert claims.together(["reproduced", "inconclusive"]) == "inconclusive"
    assert claims.together(["not run", "inconclusive"]) == "not run"
    assert claims.together(["reproduced", "not reproduced", "not run"]) == "not reproduced"


def cell(name, values, seeds=None, rewards=None, folder=None):
    """A cell whose returns are `values`, one for each of its seeds."""
    seeds = list(seeds or range(len(values)))
    rows = pd.DataFrame({"task": "t", "method": name, "seed": seeds, "step": 9, "metric": "return", "value": values})
    made = Cell("t", name, name, name, folder=folder, record={"seeds": seeds, "metrics": {"return": {}}}, rewards=rewards)
    made.__dict__["scores"] = rows
    return made


def judged(a, b, claim=CLAIM, preset="far"):
    frame = SimpleNamespace(name="t", cell=lambda name: {"a": a, "b": b}.get(name))
    return claims.table([claim], {"t": frame}, preset)


def test_a_claim_is_judged_on_shared_seeds():
    b = [1.0, 5.0, 9.0, 3.0]
    (row,) = judged(cell("a", [x + 2 + 0.1 * (-1) ** k for k, x in enumerate(b)]), cell("b", b)).rows
    assert [text.text for text in row[3:]] == ["4", "0.69", "reproduced"] and row[2].text.startswith("2.00 [1.8")
    assert judged(cell("a", b), cell("b", [x + 2 for x in b])).rows[0][5].text == "not reproduced"
    lower = claims.Claim(**{**CLAIM.__dict__, "higher_is_better": False})
    assert judged(cell("a", b), cell("b", [x + 2 for x in b]), lower).rows[0][5].text == "reproduced"


def test_what_has_not_run_and_other_presets_are_not_judged():
    assert judged(cell("a", [1.0, 2.0]), None).rows[0][5].text == "not run"
    assert judged(cell("a", [1.0]), cell("b", [0.0]), preset="near") is None


def test_policies_on_one_reward_count_once():
    """Rewards 0 and 1, seeds 0 to 5: three policies each."""
    made = cell("a", [0.0, 10.0, 3.0, 10.0, 3.0, 16.0], rewards=2)
    assert made.units("return").to_dict() == {0: 2.0, 1: 12.0} and made.n == 2
    other = cell("b", [1.0, 2.0, 1.0, 2.0, 1.0, 2.0], rewards=2)
    assert judged(made, other).rows[0][3].text == "2"


def test_a_wrong_column_is_named(tmp_path):
    path = tmp_path / "claims.csv"
    path.write_text((ROOT / "results/claims.csv").read_text().replace(",better,", ",beter,", 1))
    with pytest.raises(BenchError, match="claims.csv: column beter is unknown; the columns are id, claim, "):
        claims.load(path)
    assert claims.load(tmp_path / "none.csv") == []


def test_the_projects_claims_name_what_their_preset_has(tmp_path):
    from omegaconf import OmegaConf

    found = claims.load(ROOT / "results/claims.csv")
    assert found
    for preset in {claim.preset for claim in found}:
        OmegaConf.save(OmegaConf.create(compose_preset(ROOT, preset)), tmp_path / "params.yaml")
        plan = load_plan(tmp_path)
        for claim in found:
            for name in (claim.better, *claim.than) if claim.preset == preset else ():
                plan.cell(claim.task, name)
