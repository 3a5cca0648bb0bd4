"""Formulas of blocks of parameters: what each part adds, and that every committed cell's block has some."""

import json
from pathlib import Path

import pytest

from harness.errors import BenchError
from harness.report.page import formulas

ROOT = Path(__file__).resolve().parents[4]
BOTTLENECK = {"i_c": 0.3, "dual_step": 0.01, "beta": 0.1}


def plain(text):
    return text.replace("<i>", "").replace("</i>", "")


def test_a_formula_is_composed_of_the_parts_of_its_block():
    penalties = {"r1": {"weight": 10.0, "half": True}, "r2": None, "interpolated": None}
    found = formulas.formula({
        "algorithm": "gan",
        "loss": "non_saturating",
        "penalties": penalties,
        "bottleneck": BOTTLENECK,
        "noise": None,
        "clip": None,
        "spectral_norm": False,
    })
    assert found.sentence == (
        "A generator against an adversary, as in every GAN; here with the non-saturating loss, a gradient penalty on "
        "real samples and a variational bottleneck of 0.3 nat."
    )
    assert plain(found.sides["the critic minimises"]) == "−log D(x) − log(1 − D(G(z)))"
    assert plain(found.sides["the generator minimises"]) == "−log D(G(z))"
    also = plain(found.sides["the critic also pays"])
    assert also.startswith("½ · 10 ‖∇<sub>x</sub>D(x)‖<sup>2</sup> on real samples; β (E KL[E(z|x) ‖ N(0, I)] − ")
    assert "I<sub>c</sub> = 0.3 nat, β ← max(0, β + 0.01 (KL − " in also
    assert found.sources == [
        "Goodfellow et al. 2014, Eq. 1",
        "Mescheder et al. 2018, Eq. 9",
        "Peng et al. 2019, section 3",
    ]


def test_the_saturating_loss_is_told_from_the_other():
    found = formulas.formula({"algorithm": "gan", "loss": "minimax"})
    assert plain(found.sides["the generator minimises"]) == "log(1 − D(G(z)))" and "saturating" in found.sentence


def test_the_parts_of_a_discriminator_count_as_the_methods_own():
    block = {"kind": "gail", "loss": "minimax", "policy_reward": "softplus", "bottleneck": BOTTLENECK}
    found = formulas.formula({"algorithm": "imitation", "discriminator": block})
    assert plain(found.sides["the policy is paid"]) == "−log(1 − D)" and "0.3 nat" in found.sentence


def test_an_unknown_algorithm_has_what_its_parts_say():
    assert formulas.formula({"algorithm": "no_such"}).sentence == ""
    assert formulas.formula({"algorithm": "no_such", "spectral_norm": True}).sentence == "With spectral norm."


def test_a_setting_that_an_old_record_lacks_is_missing():
    found = formulas.formula({"bottleneck": {"i_c": "<b>"}})
    assert "<b>" not in found.sides["the critic also pays"] and "β + – (KL" in found.sides["the critic also pays"]


def test_every_committed_block_has_a_sentence_and_where_it_learns_a_formula():
    heads = [json.loads(path.read_text()) for path in ROOT.glob("results/records/*/*/record.json")]
    assert len(heads) > 40
    for head in heads:
        found = formulas.formula(head["params"]["method"])
        assert found.sentence.endswith("."), head["cell"]
        assert found.sides or head["algorithm"] in ("random_policy", "true_reward", "constant_reward"), head["cell"]


def test_a_rule_that_lacks_a_part_is_told(tmp_path):
    path = tmp_path / "formulas.yaml"
    path.write_text("- {when: {loss: hinge}, side: s, term: t}\n- {when: {loss: hinge}, term: t, word: x}\n")
    with pytest.raises(BenchError, match="rule 2 needs when, side and term"):
        formulas.rules(path)
