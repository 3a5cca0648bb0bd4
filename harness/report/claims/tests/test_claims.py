"""Claims: each verdict on intervals of known place, units that share a reward, and the project's own list."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from harness.errors import BenchError
from harness.plan.plan import load_plan
from harness.report.claims import claims, judge, verdicts
from harness.report.records.frame import CellFrame
from harness.report.tables import bars
from harness.report.tables.entries import Bar, Forest, Number
from harness.report.tables.formats import to_html, words
from harness.workspace.presets import compose_preset, names
from harness.yaml_text import dump

ROOT = Path(__file__).resolve().parents[4]
TEST = claims.Test("far", "t", "return", pairs=(("a", "b"),))
CLAIM = claims.Claim("1", "Robots", "a beats b", "2 against 1", "there", evidence=(TEST,))
NAN = float("nan")


@pytest.mark.parametrize(
    ("low", "high", "margin", "word"),
    [
        (0.1, 2.0, 0.0, "reproduced"),
        (-0.1, 2.0, 0.0, "inconclusive"),
        (-2.0, -0.1, 0.0, "not reproduced"),
        (-0.1, 2.0, 0.5, "reproduced"),
        (-1.0, -0.1, 0.5, "inconclusive"),
        (-2.0, -0.6, 0.5, "not reproduced"),
        (NAN, NAN, 0.0, "inconclusive"),
    ],
)
def test_verdict_of_a_difference(low, high, margin, word):
    assert judge.sided(low, high, margin) == word


@pytest.mark.parametrize(
    ("low", "high", "bounds", "word"),
    [
        (0.4, 0.5, (0.3, 0.6), "reproduced"),
        (0.2, 0.5, (0.3, 0.6), "inconclusive"),
        (0.1, 0.2, (0.3, 0.6), "not reproduced"),
        (0.7, 0.8, (0.3, 0.6), "not reproduced"),
        (0.7, 0.8, (0.3, None), "reproduced"),
        (-5.0, 0.2, (None, 0.3), "reproduced"),
        (NAN, NAN, (0.3, 0.6), "inconclusive"),
    ],
)
def test_verdict_of_a_level(low, high, bounds, word):
    assert judge.placed(low, high, bounds) == word


def test_one_part_against_is_enough_and_all_must_hold():
    assert judge.together(["reproduced", "reproduced"]) == "reproduced"
    assert judge.together(["reproduced", "inconclusive"]) == "inconclusive"
    assert judge.together(["not run", "inconclusive"]) == "not run"
    assert judge.together(["reproduced", "not reproduced", "not run"]) == "not reproduced"
    assert judge.together(["reproduced", "not comparable"]) == "not comparable"


def cell(name, values, seeds=None, rewards=None, kl=None, data="set"):
    """A cell whose returns are `values`, one for each of its seeds; kl: logged at four steps, by step."""
    seeds = list(seeds or range(len(values)))
    rows = pd.DataFrame({"task": "t", "method": name, "seed": seeds, "step": 9, "metric": "return", "value": values})
    metrics = {"return": {"higher_is_better": True}}
    record = {"seeds": seeds, "status": {}, "metrics": metrics, "params": {"task": {"data": data}}}
    made = CellFrame("t", name, name, name, record=record, rewards=rewards)
    logs = [{"seed": seed, "step": step, "kl": value} for seed in seeds for step, value in enumerate(kl or [], 1)]
    made.__dict__.update(scores=rows, curves=pd.DataFrame(logs) if kl else None)
    return made


def judged(*cells, claim=CLAIM, preset="far"):
    return judge.judge(claim, {preset: {"t": SimpleNamespace(name="t", title="T", everything=list(cells))}})


def with_test(**words):
    return claims.Claim(**CLAIM.__dict__ | {"evidence": (claims.Test(**TEST.__dict__ | words),)})


B = [1.0, 5.0, 9.0, 3.0]


def test_a_claim_is_judged_on_shared_seeds():
    found = judged(cell("a", [x + 2 + 0.1 * (-1) ** k for k, x in enumerate(B)]), cell("b", B))
    ((_, _, (part,)),) = found.parts
    # mean 2, sd 0.1155, t(3) 3.182: half a width of 0.1837
    assert (
        found.word == "reproduced"
        and words(part.found) == "2.00 [1.82,\u00a02.18]"
        and part.n == 4
        and part.chance == 11 / 16
    )
    assert judged(cell("a", B), cell("b", [x + 2 for x in B])).word == "not reproduced"
    assert judged(cell("a", B), cell("b", [x + 2 for x in B]), claim=with_test(margin=3.0)).word == "reproduced"
    assert judged(cell("a", B[:3]), cell("b", [x + 2 for x in B])).parts[0][2][0].n == 3, "the seeds that both have"


def test_the_seeds_that_it_takes():
    """By the textbook an sd of 4 and a published gap of 2 take (1.96 + 0.84)^2 * 16 / 4 = 31.4; a t test some more."""
    spread = np.array([-4.0, 4.0, -4.0, 4.0, 0.0])
    found = judged(cell("a", list(spread)), cell("b", [0.0] * 5), claim=with_test(gap=2.0))
    assert (
        spread.std(ddof=1) == 4.0
        and found.word == "inconclusive"
        and _power(33) < 0.8 <= _power(34)
        and found.needed_published == 34
    )
    assert found.needed is None, "no number of seeds finds a mean of nothing"
    shifted = judged(cell("a", list(spread + 1)), cell("b", [0.0] * 5), claim=with_test(gap=2.0))
    assert shifted.needed_published == 34 < shifted.needed, "the observed difference is half of the published one"
    assert "includes both sides: a over b" in found.reason


def test_a_margin_counts_when_seeds_are_counted():
    """The bound is -0.08, so a mean of -0.02 is 0.06 from it: at an sd of 0.1 that takes 24 seeds, and 0 takes 199."""
    d = np.array([-1.0, 1.0] * 5)
    d = -0.02 + 0.1 * d / d.std(ddof=1)
    found = judged(cell("a", list(d)), cell("b", [0.0] * 10), claim=with_test(margin=0.08))
    assert found.word == "inconclusive" and found.needed == 24
    assert judged(cell("a", list(d)), cell("b", [0.0] * 10), claim=with_test()).needed == 199


def test_a_claim_with_a_part_that_no_number_decides_needs_none():
    claim = with_test(pairs=(("a", "b"), ("c", "b")))
    few = [-4.0, 4.0, -4.0, 4.0, 1.0]
    cells = cell("a", [x + 1 for x in few]), cell("b", [0.0] * 5), cell("c", [-4.0, 4.0, -4.0, 4.0, 0.0])
    assert judged(*cells).needed > 5 and judged(*cells, claim=claim).needed is None
    assert judged(*cells, claim=claim).commands == []


def test_a_full_tie_and_two_runs_decide_nothing():
    assert judged(cell("a", B), cell("b", B)).word == "inconclusive"
    assert judged(cell("a", [2.0, 2.1]), cell("b", [1.0, 1.1])).word == "inconclusive"
    assert judged(cell("a", [2.0, 2.1, 2.2]), cell("b", [1.0, 1.1, 1.3])).word == "reproduced"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("pairs: [a, b]", r"pairs must be a list of \[better, worse\]"),
        ("pairs: a", r"pairs: must be a list, such as"),
        ("pairs: [[a, b]], margin: '0.1'", "margin must be a number, not '0.1'"),
        ("pairs: [[a, b]], at: 1.5", "at must be a share of the training"),
        ("cell: a, within: [1]", r"within must be \[low, high\]"),
        ("cell: a, within: [1, -9]", "low below high"),
    ],
)
def test_a_wrong_test_is_named(said, words, tmp_path):
    path = tmp_path / "claims.yaml"
    head = "{id: 7, domain: d, claim: c, published: p, source: s, evidence: [{preset: far, task: t, metric: return, "
    path.write_text(f"- {head}{said}}}]}}\n")
    with pytest.raises(BenchError, match=f"claim 7: evidence 1.*{words}"):
        claims.load_claims(path)
    path.write_text(f"- {head.split(' evidence')[0]} why: w, evidence: {{preset: far}}}}\n")
    with pytest.raises(BenchError, match="claim 7: evidence must be a list of tests"):
        claims.load_claims(path)


def _power(n):
    """Of a two-sided t test at 5 % for a difference of half a standard deviation."""
    edge, shift = stats.t.ppf(0.975, n - 1), 0.5 * np.sqrt(n)
    return stats.nct.sf(edge, n - 1, shift) + stats.nct.cdf(-edge, n - 1, shift)


def test_logs_of_failed_runs_and_empty_logs_give_no_number():
    """Seed 1 diverged and logged NaN: its partner has nothing to be compared with, no duel is lost to it, and those
    that survived decide nothing.
    """
    claim = with_test(metric="", log="kl", higher_is_better=True)
    a, b = cell("a", B, kl=[0.0, 0.0, 2.0, 2.0]), cell("b", B, kl=[0.0, 0.0, 1.0, 1.0])
    a.record["status"] = {"1": "diverged at step 2"}
    a.curves.loc[a.curves.seed == 1, "kl"] = NAN
    ((_, _, (part,)),) = judged(a, b, claim=claim).parts
    assert part.n == 3 and part.chance == 1.0 and part.word == "inconclusive" and part.failed == 1
    assert "runs failed, for which the others cannot stand: a over b" in judged(a, b, claim=claim).reason
    a.record["status"] = {"1": "finished"}
    assert judged(a, b, claim=claim).word == "reproduced"
    a.curves["kl"] = NAN
    assert judged(a, b, claim=claim).word == "not run"


def test_a_level_of_a_log_is_the_mean_of_the_last_quarter():
    """Steps 1 to 4: the last quarter starts at step 3."""
    claim = with_test(metric="", log="kl", pairs=(), cell="a", within=(0.4, 0.6))
    assert judged(cell("a", B, kl=[9.0, 9.0, 0.45, 0.55]), claim=claim).word == "reproduced"
    assert judged(cell("a", B, kl=[0.5, 0.5, 0.5, 0.9]), claim=claim).word == "not reproduced"
    assert judged(cell("a", B), claim=claim).word == "not run"


def test_what_has_not_run_and_other_presets_are_not_judged():
    assert judged(cell("a", [1.0, 2.0])).word == "not run"
    assert judged(cell("a", B), cell("b", B), preset="near").word == "not run"
    assert judged(cell("a", [1.0]), cell("b", [0.0])).word == "inconclusive", "one run decides nothing"


def test_other_data_and_other_protocols_give_no_verdict():
    a, b = cell("a", [x + 2 for x in B]), cell("b", B)
    assert judged(a, b, claim=with_test(requires={"params.task.data": "set"})).word == "reproduced"
    found = judged(a, b, claim=with_test(requires={"params.task.data": "lossless"}))
    assert found.word == "not comparable" and "params.task.data = set, but the claim is about lossless" in found.reason
    elsewhere = claims.Claim(**CLAIM.__dict__ | {"evidence": (), "elsewhere": (TEST,), "why": "no data"})
    found = judged(a, b, claim=elsewhere)
    assert found.word == "not comparable" and "no data" in found.reason
    (table,) = verdicts.tables([found], lambda preset, task: f"{preset}#{task}")
    (row,) = table.rows
    assert words(row[3]) == "▲ for" and not table.folded
    assert words(row[4]) == "elsewhere, T, return: a over b: 2.00 [2.00,\u00a02.00], P\u00a00.69, for (n\u00a04)"
    assert '<a href="far#t">elsewhere, T, return</a>' in to_html(row[4]) and verdicts.tables([found], str, "near") == []


def test_evidence_points_one_way_at_a_glance():
    said = {"▲ for": "R", "▼ against": "N", "○ open": "I", "▲▼ both ways": "RNI", "▲ for or open": "RI"}
    known = {"R": judge.REPRODUCED, "N": judge.NOT, "I": judge.OPEN}
    for glance, letters in said.items():
        assert verdicts.points({known[letter] for letter in letters}) == glance


def test_claims_are_told_by_how_they_came_out_and_what_has_not_run_is_folded():
    order = [judge.NOT_RUN, judge.OPEN, judge.UNCOUNTED, judge.REPRODUCED, judge.ELSEWHERE, judge.NOT]
    made = [
        judge.Judged(claims.Claim(**CLAIM.__dict__ | {"id": str(k)}), word, "", [], []) for k, word in enumerate(order)
    ]
    found = verdicts.tables(made, str)
    assert [[words(row[2]) for row in table.rows] for table in found] == [
        [judge.REPRODUCED, judge.NOT, judge.OPEN],
        [judge.ELSEWHERE],
        [judge.NOT_RUN],
        [judge.UNCOUNTED],
    ]
    assert [table.folded for table in found] == [False, False, True, True]


def test_what_cannot_be_counted_is_judged_and_counts_for_nothing():
    claim = claims.Claim(**CLAIM.__dict__ | {"uncounted": "remembered"})
    found = judged(cell("a", [x + 2 for x in B]), cell("b", B), claim=claim)
    assert found.word == "not counted" and found.reason == "remembered" and found.words == {judge.REPRODUCED}
    total = verdicts.first([found]).rows[-1]
    assert [words(each) for each in total] == ["all", "0", "0", "0", "0", "0", "0", "1"]


def test_a_bar_stands_where_its_numbers_are():
    """A difference of 1 in [-1, 3], published 4: the scale is -4 to 4 over 88 pixels, 11 each, 0 at pixel 50."""
    bar = Bar("a over b", Number(1.0, "g", -1.0, 3.0), "open", published=4.0)
    text = bars.to_html(Forest("T", (bar,)), words)
    assert 'd="M39 7H83"' in text and 'cx="61"' in text and 'd="M94 1v12"' in text
    assert 'class="holds" d="M50 0H100V14H50z"' in text and "○ a over b: 1 [−1,\u00a03]" in text
    level = bars.to_html(Forest("T", (Bar("a", Number(0.5, "g", 0.5, 0.5), "for"),), (0.0, 1.0), centred=False), words)
    assert 'd="M13.3 0H86.7V14H13.3z"' in level and 'class="for" d="m50 2.5' in level, "a tenth of room at both sides"


def test_policies_on_one_reward_count_once():
    """Rewards 0 and 1, seeds 0 to 5: three policies each."""
    made = cell("a", [0.0, 10.0, 3.0, 10.0, 3.0, 16.0], rewards=2)
    assert made.units("return").to_dict() == {0: 2.0, 1: 12.0} and made.n == 2
    assert judged(made, cell("b", [1.0, 2.0, 1.0, 2.0, 1.0, 2.0], rewards=2)).parts[0][2][0].n == 2


def test_the_first_table_counts_every_claim_once():
    said = ["reproduced", "not run", "reproduced"]
    made = [
        judge.Judged(claims.Claim(**CLAIM.__dict__ | {"id": str(k)}), word, "", [], []) for k, word in enumerate(said)
    ]
    row, total = verdicts.first(made).rows
    assert [words(cell) for cell in row] == ["Robots", "3", "2 (0, 2)", "–", "–", "–", "1 (1)", "–"]
    assert [words(cell) for cell in total] == ["all", "3", "2", "0", "0", "0", "1", "0"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  domain: Robots", "  domian: Robots", "claim 7.domian: unknown key; did you mean domain?"),
        ("  source: x", "  source:", "claim 7.source: missing"),
        ("metric: r,", "", "claim 7: evidence 1: must have exactly one of metric and log"),
        ("pairs: [[a, b]]", "cell: a", "claim 7: evidence 1: a test with cell must have within"),
        ("  evidence:", "  elsewhere:", "claim 7: a claim without evidence must have why"),
        ("- id: 7", "- id: [", "is not valid YAML"),
    ],
)
def test_a_wrong_file_is_named(tmp_path, old, new, said):
    text = (
        "- id: 7\n  domain: Robots\n  claim: c\n  published: p\n  source: x\n"
        "  evidence: [{preset: p, task: t, metric: r, pairs: [[a, b]]}]\n"
    )
    path = tmp_path / "claims.yaml"
    path.write_text(text)
    assert claims.load_claims(path)[0].evidence[0].pairs == (("a", "b"),)
    path.write_text(text.replace(old, new))
    with pytest.raises(BenchError, match="claims.yaml") as caught:
        claims.load_claims(path)
    assert said in str(caught.value)
    path.write_text(text * 2)
    with pytest.raises(BenchError, match="claim 7 occurs 2 times"):
        claims.load_claims(path)
    assert claims.load_claims(tmp_path / "none.yaml") == []


def test_the_projects_claims_name_what_their_presets_have(tmp_path):
    """Every claim of the list of published claims, 1 to 39; each test names cells that its preset plans."""
    found = claims.load_claims(ROOT / "results/claims.yaml")
    assert {int("".join(filter(str.isdigit, claim.id))) for claim in found} == set(range(1, 40))
    tests = [test for claim in found for test in (*claim.evidence, *claim.elsewhere)]
    for preset in {test.preset for test in tests}:
        plan = load_plan(ROOT)
        if preset in names(ROOT):
            (tmp_path / "params.yaml").write_text(dump(compose_preset(ROOT, preset)))
            plan = load_plan(tmp_path)
        assert plan.params["preset"] == preset
        for test in (test for test in tests if test.preset == preset):
            for name in test.cells:
                plan.cell(test.task, name)


def test_what_has_not_run_names_the_command_that_runs_it():
    """An overlay by `bench preset`, the project's own preset by task; one that cannot be shown may well have run."""
    far, own = CLAIM, with_test(preset="laptop")
    assert judge.judge(far, {}, {"far"}).reason == "not run: `bench preset far --jobs 2`"
    assert judge.judge(own, {}, {"far"}).reason == "not run: `bench train t`"
    assert (
        judge.judge(far, {}, {"far"}, {"far": "damaged"}).reason
        == "preset far cannot be shown; the reason is at the end of this page"
    )


def test_a_claim_of_the_way_to_the_end_is_judged_at_its_share_of_the_training():
    """Scored at steps 1 and 2: half of the training is step 1, and the end step 2."""
    a, b = cell("a", B), cell("b", B)
    for made, early in ((a, 5.0), (b, 3.0)):
        late = made.scores[made.scores.step == made.scores.step.max()]
        made.__dict__["scores"] = pd.concat([late.assign(step=1, value=early + late.value), late.assign(step=2)])
        made.__dict__.pop("_by_step", None)
    found = judged(a, b, claim=with_test(at=0.5)).parts[0][2][0]
    assert found.found.value == pytest.approx(2.0) and found.name == "a at 50\u00a0% over b at 50\u00a0%"
    sunk = judged(a, claim=with_test(pairs=(("a", "a"),), at=0.5, than_at=1.0)).parts[0][2][0]
    assert sunk.found.value == pytest.approx(5.0) and sunk.word == "reproduced"
    assert sunk.name == "a at 50\u00a0% over a at the end"
    with pytest.raises(ValueError, match="at and than_at need a metric"):
        with_test(metric="", log="kl", at=0.5)


def test_every_comparison_says_which_way_it_points():
    near, far = cell("a", [x + 2 for x in B]), cell("b", B)
    for pair, way in ((("a", "b"), "for"), (("b", "a"), "against")):
        (table,) = verdicts.tables([judged(near, far, claim=with_test(pairs=(pair,)))], lambda *_: "")
        (row,) = table.rows
        assert words(row[4]).endswith(f"{way} (n\u00a04)") and "elsewhere" not in words(row[4])
        assert words(row[3]).endswith(way)
