"""What is told of trained cells, and of an expert that has learnt nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.places.outcome import outcomes, poor_experts
from harness.plan.plan import Plan
from harness.plan.tests.test_needs import write
from harness.store import RECORDS
from harness.tests.recorded import head, put


def record(root: Path, plan: Plan, task: str, cell: str, first: int, last: int) -> None:
    rows = [f"{task},{cell},{s},{step},error,{v}" for s in (0, 1) for step, v in ((5, first), (10, last))]
    text = "\n".join(["task,method,seed,step,metric,value", *rows, ""])
    put(root / RECORDS / task / cell, head(task, cell), scores=text.encode())


@pytest.mark.parametrize("last, warned", [(90, True), (40, False)])
def test_an_expert_that_has_learnt_nothing_is_told_where_it_is_trained_and_where_it_is_imitated(
    tmp_path: Path, last: int, warned: bool
) -> None:
    plan = write(tmp_path)
    learner = plan.cell("learnt", "airl")
    assert [*poor_experts(tmp_path, [learner])] == [], "there is no expert yet, which is told elsewhere"
    record(tmp_path, plan, "taught", "expert", 90, last)
    told = [*outcomes(tmp_path, plan, plan.cells)]
    assert len(told) == 1 + warned and told[0].startswith("taught/expert: error (%), lower is better: 90.0 at step 5, ")
    assert [*poor_experts(tmp_path, [learner])] == told[1:]
    assert [*poor_experts(tmp_path, plan.cells)] == [], "it is about to be trained"
    for line in told[1:]:
        assert line.startswith("warning: taught/expert has learnt nothing that could be imitated, error (%), ")
        assert line.endswith(
            "raise tasks.taught.steps or change its learner, then run `bench train taught expert` again"
        )


def test_only_an_expert_is_judged(tmp_path: Path) -> None:
    plan = write(tmp_path)
    record(tmp_path, plan, "learnt", "airl", 90, 90)
    assert len([*outcomes(tmp_path, plan, plan.cells)]) == 1
