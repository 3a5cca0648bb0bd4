"""Equal tuning: as many trials for each method, shared values, and params.yaml holds what won."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from harness.contracts import BenchError
from harness.places.errand import There
from harness.places.trial import Space, Trial, value_at
from harness.places.tune import FOLDER, _check_keys, applied, trials, tune
from harness.plan.plan import load_plan
from harness.run.like import without_title
from harness.run.params import read_yaml, validate
from harness.yaml_text import dump, parse

ROOT = Path(__file__).resolve().parents[3]


def _space(task: str) -> Space:
    return validate(Space, read_yaml(ROOT / FOLDER / f"{task}.yaml"), task)


@pytest.mark.parametrize("task", [path.stem for path in (ROOT / FOLDER).glob("*.csv")])
def test_params_hold_the_best_of_equally_many_trials(task):
    rows = pd.read_csv(ROOT / FOLDER / f"{task}.csv")
    blocks = load_plan(ROOT).params["methods"][task]
    space = _space(task)
    assert set(rows.method) == set(blocks)
    for method, own in rows.groupby("method"):
        assert sorted(own.trial.unique()) == list(range(space.trials))
        assert set(own.seed) == set(space.seeds)
        best = own.groupby("trial").value.mean().idxmin()
        settings = own[own.trial == best].settings.iloc[0]
        for key, text in _parsed(settings, [*space.choices, *space.log_uniform]).items():
            assert value_at(blocks[method], key) == parse(text), (method, key)


def test_methods_that_share_a_key_share_its_values():
    space = _space("digits8")
    plain, penalised = (
        {"critic_optimizer": {"lr": 1e-3}},
        {"critic_optimizer": {"lr": 1e-3}, "penalties": {"r1": {"weight": 1}}},
    )
    ours, theirs = trials(space, plain), trials(space, penalised)
    assert len(ours) == len(theirs) == space.trials and ours[0] == {}
    assert [t["critic_optimizer.lr"] for t in ours[1:]] == [t["critic_optimizer.lr"] for t in theirs[1:]]
    assert len({t["critic_optimizer.lr"] for t in ours[1:]}) == space.trials - 1
    low, high = space.log_uniform["penalties.r1.weight"]
    assert all(low <= t["penalties.r1.weight"] <= high for t in theirs[1:])


def test_keys_that_go_together_are_set_together():
    block = {"critic_optimizer": {"lr": 1.0}, "generator_optimizer": {"lr": 1.0}}
    changed = applied(_space("digits8"), block, {"critic_optimizer.lr": 0.5})
    assert changed["generator_optimizer"]["lr"] == 0.5 and block["critic_optimizer"]["lr"] == 1.0


def test_a_key_that_no_method_uses_but_one_could_have_is_no_fault():
    """With the penalised methods and those with noise removed, the space of the digits still serves the others."""
    block = without_title(load_plan(ROOT).params["methods"]["digits8"]["gan"])
    space = _space("digits8")
    assert {"noise.std", "bottleneck.i_c"} <= space.log_uniform.keys() and "noise" not in block
    _check_keys(space, {"gan": block}, "digits8.yaml", "digits8")
    for part, changes in (
        ("choices", {"choices": {"net.widht": [8]}}),
        ("log_uniform", {"log_uniform": {"noise.sdt": (0.1, 1.0)}}),
        ("together", {"together": {"generator_optimiser.lr": "critic_optimizer.lr"}}),
        ("together", {"together": {"generator_optimizer.lr": "critic_optimizer.rl"}}),
    ):
        with pytest.raises(BenchError, match=rf"^digits8.yaml: {part}\..*: unknown key; "):
            _check_keys(space.model_copy(update=changes), {"gan": block}, "digits8.yaml", "digits8")


def test_reported_seeds_are_refused(tmp_path):
    plan = load_plan(ROOT)
    space = read_yaml(ROOT / FOLDER / "digits8.yaml") | {"seeds": [3, 1000]}
    (tmp_path / FOLDER).mkdir(parents=True)
    (tmp_path / FOLDER / "digits8.yaml").write_text(dump(space))
    with pytest.raises(BenchError, match=r"seeds \[3\] are reported: choose others"):
        tune(tmp_path, plan, "digits8")


def test_a_validation_part_that_is_too_small_to_be_halved_scores_a_trial(tmp_path):
    plan, weights = load_plan(ROOT), Path("results/data/digits-cnn.npz")
    (tmp_path / weights).parent.mkdir(parents=True)
    (tmp_path / weights).write_bytes((ROOT / weights).read_bytes())
    params = plan.cell("digits8", "gan").task_params
    assert params.score.halves, "the test set chooses checkpoints"
    space = _space("digits8").model_copy(update={"steps": 2, "n_validation": 50})
    block = without_title(plan.params["methods"]["digits8"]["gan"])
    trial = Trial(params, "digits8", plan.params["protocol"], "gan", 0, space, block)
    rows = trial.do(There("here", tmp_path, SimpleNamespace(beat=lambda step: None), lambda: False))
    assert [row[3:5] for row in rows] == [[seed, "frechet_digits-cnn"] for seed in space.seeds]


def _parsed(settings: str, keys: list[str]) -> dict[str, str]:
    """'a.b=[1, 2] c=3' -> {'a.b': '[1, 2]', 'c': '3'}: a value may hold spaces, a key never does."""
    starts = sorted((settings.index(f"{key}="), key) for key in keys if f"{key}=" in settings)
    ends = [at for at, _ in starts[1:]] + [len(settings)]
    return {key: settings[at + len(key) + 1 : end].strip() for (at, key), end in zip(starts, ends, strict=True)}
