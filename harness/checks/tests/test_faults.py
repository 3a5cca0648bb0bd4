"""Methods with one fault each: the check that is meant for it names the fault, and the healthy one passes them all."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from baselines.methods import critic
from baselines.methods.critic import FixedAdversary
from harness import registry
from harness.checks.contract import CHECKS
from harness.checks.run import check_cells
from harness.checks.trial import Tree, Trial
from harness.plan.plan import Plan
from harness.tests import small


class Healthy(FixedAdversary):
    def update(self, source, draws):
        batch = source.batch(draws, self.params.batch)
        return self.learn(batch["real"], batch["fake"], draws)

    def learn(self, real, fake, draws):
        return self.adversary.update(real, fake, draws, "critic")


class OneMeanForAllSeeds(Healthy):
    def learn(self, real, fake, draws):
        return super().learn(real - real.mean(), fake, draws)


class GlobalDraw(Healthy):
    def learn(self, real, fake, draws):
        return super().learn(real + torch.randn_like(real), fake, draws)


class Dropout(Healthy):
    def learn(self, real, fake, draws):
        return super().learn(F.dropout(real), fake, draws)


class NumpyDraw(Healthy):
    def learn(self, real, fake, draws):
        return super().learn(real * np.random.rand(), fake, draws)


class Forgets(Healthy):
    seen = 0.0

    def learn(self, real, fake, draws):
        self.seen = self.seen + real.mean(1, keepdim=True)
        return super().learn(real - self.seen, fake, draws)


SEEN = []


class RemembersInTheModule(Healthy):
    def learn(self, real, fake, draws):
        SEEN.append(1)
        return super().learn(real + len(SEEN), fake, draws)


class WritesIntoTheBatch(Healthy):
    def learn(self, real, fake, draws):
        real -= real.mean(1, keepdim=True)
        return super().learn(real, fake, draws)


class WritesIntoTheDraw(Healthy):
    def learn(self, real, fake, draws):
        return super().learn(real + draws.normal("noise", "mine", real.shape[1:]).mul_(0.1), fake, draws)


class NoSeedAxis(Healthy):
    """The buffer has as many entries as there are seeds in the checks, by chance."""

    def __init__(self, *args):
        super().__init__(*args)
        self.register_buffer("total", torch.zeros(2))
        self.register_buffer("steps", torch.zeros(()))


class Outgrown(Healthy):
    def learn(self, real, fake, draws):
        self.register_buffer("last", real.mean(1))
        return super().learn(real, fake, draws)


class Unoptimised(Healthy):
    def __init__(self, *args):
        super().__init__(*args)
        self.scale = torch.nn.Parameter(torch.ones(len(self.alive), 1))


class OneLog(Healthy):
    def learn(self, real, fake, draws):
        logs = super().learn(real, fake, draws)
        return logs | {"mean": real.mean(), "number": 1.0, "graph": next(self.parameters()).flatten(1).sum(1)}


class ScoringMoves(Healthy):
    def __init__(self, *args):
        super().__init__(*args)
        self.register_buffer("scored", torch.zeros(len(self.alive)))

    def scores(self, x):
        self.scored += 1
        return super().scores(x) + self.scored[:, None]


class NeverDies(Healthy):
    def learn(self, real, fake, draws):
        logs = super().learn(real, fake, draws)
        self.alive.fill_(True)
        return logs


class SharedNorm(Healthy):
    """Leaves states as they are; a log sees all seeds."""

    def learn(self, real, fake, draws):
        logs = super().learn(real, fake, draws)
        return logs | {"norm": next(self.parameters()).detach().square().sum().expand(len(self.alive))}


class Raises(Healthy):
    def learn(self, real, fake, draws):
        raise IndexError("no such column")


FAULTS = [
    (OneMeanForAllSeeds, "stacking", "something reduces over the seed axis; reduce over all axes but the first"),
    (
        OneMeanForAllSeeds,
        "stacking",
        "seed 4 trained alone and the same seed in a stack of five end differently (adversary.",
    ),
    (GlobalDraw, "draws", "torch.randn_like at harness/checks/tests/test_faults.py:"),
    (Dropout, "draws", "torch's global generator has changed (by dropout"),
    (NumpyDraw, "draws", "numpy's global generator has changed"),
    (RemembersInTheModule, "draws", "the same 3 steps taken again end in a different state (adversary."),
    (Forgets, "resume", "stopped at step 5 and started again, the run ends differently (adversary."),
    (Forgets, "resume", "(these attributes change: seen); register it as a buffer with the seeds as first axis"),
    (WritesIntoTheBatch, "purity", "source.batch real was changed in place"),
    (WritesIntoTheDraw, "purity", 'draws.normal("noise", "mine") was changed in place'),
    (NoSeedAxis, "state", "total has shape [2] for 2 seeds and [2] for one: give it the seeds as first axis"),
    (NoSeedAxis, "state", "steps has shape [] for 2 seeds"),
    (Outgrown, "state", "last appears only while training: register it when the method is built"),
    (Unoptimised, "state", "no optimiser of optimizers() holds scale"),
    (OneLog, "logs", "log mean has shape [] for 2 seeds: reduce over all axes but the first"),
    (OneLog, "logs", "log number is a float: return a tensor"),
    (OneLog, "logs", "log graph still has its graph: return value.detach()"),
    (ScoringMoves, "scoring", "scoring the same state twice gives two results"),
    (ScoringMoves, "scoring", "scored after every step, the run ends differently (scored)"),
    (NeverDies, "divergence", "should mark that seed at step 4; marked: "),
    (SharedNorm, "divergence", "an infinite weight of seed 1 has changed seed 0 (log norm)"),
]


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return small.write(tmp_path)


def trial(plan: Plan, kind: type, root: Path, monkeypatch: pytest.MonkeyPatch) -> Trial:
    """A trial of the cell `plain` with another class of method."""
    module = SimpleNamespace(
        Params=critic.Params,
        FAMILIES=critic.FAMILIES,
        __file__=__file__,
        build=lambda params, spec, draws, device: kind(params, spec, draws, device),
    )
    monkeypatch.setattr(registry, "algorithm", lambda name: module)
    return Trial(Tree(root, plan.cells), plan.cell("pair", "plain"))


@pytest.mark.parametrize("check", CHECKS)
def test_the_healthy_one_passes(check: str, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert CHECKS[check](trial(plan, Healthy, tmp_path, monkeypatch)) == []


@pytest.mark.parametrize("kind, check, words", FAULTS, ids=[f"{kind.__name__}-{check}" for kind, check, _ in FAULTS])
def test_a_fault_is_named(
    kind: type, check: str, words: str, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = CHECKS[check](trial(plan, kind, tmp_path, monkeypatch))
    assert any(words in fault for fault in faults), faults


def test_the_first_fault_stops_nothing_and_what_raises_is_told_with_its_place(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = trial(plan, Raises, tmp_path, monkeypatch)
    lines = list(check_cells(tried.tree, [tried.cell]))
    told = {line.split()[0]: (" ".join(line.split()[1:]), faults) for line, faults in lines[1:]}
    texts = Path(__file__).read_text(encoding="utf-8").splitlines()
    line = next(i for i, text in enumerate(texts, 1) if 'IndexError("no such' in text)
    assert list(told) == list(CHECKS) and told["file"] == ("ok", 0)
    assert told["state"] == (f"IndexError: no such column (harness/checks/tests/test_faults.py:{line})", 1)
    assert told["stacking"] == ("fails as in state", 1)


def test_global_generators_are_left_as_they_were(plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, function = (torch.random.get_rng_state(), np.random.get_state()[1].copy()), torch.randn_like
    CHECKS["draws"](trial(plan, GlobalDraw, tmp_path, monkeypatch))
    assert torch.equal(torch.random.get_rng_state(), before[0]) and (np.random.get_state()[1] == before[1]).all()
    assert torch.randn_like is function
