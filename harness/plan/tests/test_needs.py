"""What cells take from each other: order, identity, delivery, and one clear line where it is missing."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from harness.errors import BenchError
from harness.places.pool import train_all
from harness.places.prepare import prepare
from harness.plan import needs
from harness.plan.identity import identity
from harness.plan.pipelines import pipeline
from harness.plan.plan import Plan, load_plan
from harness.store import ARTEFACTS, SCORES
from harness.yaml_text import dump

SHORT = {
    "family": "maze",
    "maze": "c",
    "steps": 2,
    "evaluations": 1,
    "block": 2,
    "horizon": 6,
    "score": {"n_episodes": 2},
}
LEARNER = {"kind": "trpo", "n_envs": 2}
CRITIC = {
    "kind": "airl",
    "net": {"kind": "mlp", "width": 4, "depth": 1, "activation": "relu"},
    "head": "relu_linear",
    "critic_optimizer": {"lr": 1e-3},
}
PARAMS = {
    "preset": "test",
    "protocol": 1,
    "tasks": {
        "flipped": {**SHORT, "flipped": True, "rewards": "learnt", "seeds": [0, 1, 2, 3]},
        "learnt": {**SHORT, "demonstrations": "taught/expert", "seeds": [0, 1]},
        "taught": {**SHORT, "seeds": [0, 1]},
    },
    "methods": {
        "flipped": {"airl": {"algorithm": "retrain", "learner": LEARNER, "discriminator": CRITIC}},
        "learnt": {
            "airl": {
                "algorithm": "imitation",
                "learner": LEARNER,
                "discriminator": CRITIC,
                "batch": 4,
                "discriminator_steps": 2,
            }
        },
        "taught": {"expert": {"algorithm": "true_reward", "learner": LEARNER, "demonstrations": 2}},
    },
    "report": {"baseline": {}},
}


def write(root: Path, params=PARAMS) -> Plan:
    (root / "params.yaml").write_text(dump(params))
    return load_plan(root)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Path, Plan]:
    root = tmp_path_factory.mktemp("chain")
    plan = write(root)
    for task in ("taught", "flipped"):
        prepare(root, plan, task)
    train_all(root, plan.cells, plan, workers=1)
    return root, plan


def artefacts(root: Path, cell: str) -> dict[str, np.ndarray]:
    with np.load(root / "results/records" / cell / ARTEFACTS) as file:
        return dict(file)


def test_cells_come_after_what_they_take_from() -> None:
    cells = [
        SimpleNamespace(task=task, name=name, task_params=SimpleNamespace(expert=expert, reward_task=reward))
        for task, name, expert, reward in (
            ("c", "x", None, "b"),
            ("b", "x", "a/e", None),
            ("b", "y", "a/e", None),
            ("a", "e", None, None),
        )
    ]
    assert [[f"{c.task}/{c.name}" for c in level] for level in needs.levels(cells)] == [
        ["a/e"],
        ["b/x", "b/y"],
        ["c/x"],
    ]
    circle = [SimpleNamespace(task="a", name="e", task_params=SimpleNamespace(expert="a/e", reward_task=None))]
    with pytest.raises(BenchError, match="a/e: these depend on each other"):
        needs.levels(circle)


def test_the_chain_runs_and_leaves_what_the_next_needs(trained) -> None:
    root, _ = trained
    expert = artefacts(root, "taught/expert")
    assert expert["demonstrations/observations"].shape == (1, 6, 4, 3), (
        "one expert, its last two updates of two episodes"
    )
    learnt = artefacts(root, "learnt/airl")
    assert all(name.startswith("reward/") and len(value) == 2 for name, value in learnt.items())
    assert artefacts(root, "flipped/airl") == {}
    assert (root / "results/records/flipped/airl/record.json").is_file()


def test_seed_k_is_trained_on_reward_k_modulo_n(trained) -> None:
    root, plan = trained
    received = {}
    method = SimpleNamespace(receive=received.update)
    needs.deliver(root, plan.cell("flipped", "airl"), method, (3, 0, 2))
    for name, value in artefacts(root, "learnt/airl").items():
        assert torch.equal(received[name.removeprefix("reward/")], torch.as_tensor(value[[1, 0, 0]]))


def test_another_reward_is_another_run(trained, tmp_path) -> None:
    root, plan = trained
    cell = plan.cell("flipped", "airl")
    assert identity(root, cell)["reward"] == needs.fingerprint(root, "learnt/airl")
    assert "reward" not in identity(root, plan.cell("learnt", "airl"))


def test_what_is_missing_or_damaged_is_named(trained, tmp_path) -> None:
    _, plan = trained
    cell = plan.cell("flipped", "airl")
    with pytest.raises(BenchError, match="artefacts.npz is missing: run `bench train learnt airl` first"):
        needs.deliver(tmp_path, cell, None, (0,))
    path = tmp_path / "results/records/learnt/airl" / ARTEFACTS
    path.parent.mkdir(parents=True)
    path.write_bytes(b"PK half a file")
    with pytest.raises(BenchError, match="is damaged: run `bench train learnt airl` again"):
        needs.deliver(tmp_path, cell, None, (0,))
    np.savez(path)
    with pytest.raises(BenchError, match="does not learn a reward: remove airl from methods.flipped"):
        needs.deliver(tmp_path, cell, None, (0,))


def test_a_reward_of_other_nets_is_refused(trained) -> None:
    root, plan = trained
    from harness.places.train import build_method, build_task
    from harness.run.seeds import CounterDraws

    cell = plan.cell("flipped", "airl")
    wide = {**CRITIC, "net": {**CRITIC["net"], "width": 5}}
    params = cell.method_params.model_validate(cell.method_params.model_dump() | {"discriminator": wide})
    other = type(cell)(**{**vars(cell), "method_params": params})
    method = build_method(other, build_task(root, other), CounterDraws((0,), "t"), torch.device("cpu"))
    with pytest.raises(
        BenchError, match="the learnt reward has other nets than this block's discriminator: size mismatch"
    ):
        needs.deliver(root, other, method, (0,))


def test_an_archived_expert_is_shown_and_no_cell_has_to_make_it(trained, tmp_path):
    root, _ = trained
    archived = tmp_path / "results/archive/old/taught/expert" / ARTEFACTS
    shown = {
        **PARAMS,
        "tasks": {
            **PARAMS["tasks"],
            "learnt": {**PARAMS["tasks"]["learnt"], "demonstrations": "archive/old/taught/expert"},
        },
    }
    other = write(tmp_path, shown)
    with pytest.raises(BenchError, match="there is no such expert in results/archive"):
        prepare(tmp_path, other, "learnt")
    archived.parent.mkdir(parents=True)
    archived.write_bytes((root / "results/records/taught/expert" / ARTEFACTS).read_bytes())
    prepare(tmp_path, other, "learnt")
    made = [json.loads((folder / "results/data/learnt.json").read_text()) for folder in (root, tmp_path)]
    assert made[0]["data_hash"] == made[1]["data_hash"]
    assert [cell.task for cell in needs.levels(other.cells)[0]] == ["learnt", "taught"]
    read = [str(path.relative_to(tmp_path)) for path in (archived, archived.with_name(SCORES))]
    assert f", '{read[0]}', '{read[1]}']" in pipeline("learnt", other.params)
